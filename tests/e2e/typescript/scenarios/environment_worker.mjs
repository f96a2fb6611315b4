// The SDK's environment worker serves a self-hosted environment: its shell, its file tools, one turn after the other.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MODEL, all, client, text } from './support.mjs';

const environment = await client.beta.environments.create({
  name: `Rack ${process.pid} ${Date.now()}`,
  config: { type: 'self_hosted' },
});
const minted = await client.post(`/v1/environments/${environment.id}/keys`, { body: { name: 'Worker' } });
const agent = await client.beta.agents.create({ name: 'Guide', model: MODEL, tools: [{ type: 'agent_toolset_20260401' }] });
const session = await client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
const workdir = await mkdtemp(join(tmpdir(), 'worker-'));
const leaving = new AbortController();
const worker = client.beta.environments.work.worker({
  environmentId: environment.id,
  environmentKey: minted.key,
  workdir,
  maxIdleMs: 300,
  signal: leaving.signal,
});

async function turn(tool, input) {
  const before = (await all(client.beta.sessions.events.list(session.id))).length;
  await client.beta.sessions.events.send(session.id, {
    events: [text(`tool:${tool} input:${JSON.stringify(input)} tools:1 tokens:2`)],
  });
  for (let tries = 0; tries < 400; tries += 1) {
    const events = (await all(client.beta.sessions.events.list(session.id))).slice(before);
    const last = events.findLast((event) => event.type === 'session.status_idle');
    if (last?.stop_reason.type === 'end_turn') {
      const result = events.find((event) => event.type === 'user.tool_result');
      return { failed: result.is_error ?? false, text: result.content.map((block) => block.text).join('\n') };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the turn did not end');
}

const working = worker.run();
try {
  const said = await turn('bash', { command: 'echo from the shell | tee made.txt' });
  assert.deepEqual([said.failed, said.text.trim()], [false, 'from the shell']);
  assert.equal(await readFile(join(workdir, 'made.txt'), 'utf8'), 'from the shell\n');
  assert.equal((await turn('edit', { file_path: 'made.txt', old_string: 'shell', new_string: 'editor' })).failed, false);
  assert.match((await turn('read', { file_path: 'made.txt' })).text, /from the editor/);
  assert.ok((await turn('read', { file_path: 'nothing.txt' })).failed);
  assert.match((await turn('grep', { pattern: 'edit.r' })).text, /made\.txt/);
} finally {
  leaving.abort();
  await working.catch(() => undefined);
  await rm(workdir, { recursive: true });
}
const items = await all(client.beta.environments.work.list(environment.id));
assert.ok(items.length >= 1);
assert.ok(items.every((item) => item.state === 'stopped'));
