// The agent works in its sandbox: a shell that stays, an attached file at its place, an output that comes back.
import assert from 'node:assert/strict';
import { toFile } from '@anthropic-ai/sdk';
import { MODEL, all, client, turn } from './support.mjs';

const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));
const upload = await client.beta.files.upload({ file: await toFile(bytes, 'data.bin', { type: 'application/x-thing' }) });
const agent = await client.beta.agents.create({ name: 'Guide', model: MODEL, tools: [{ type: 'agent_toolset_20260401' }] });
const environment = await client.beta.environments.create({ name: `Workshop ${process.pid} ${Date.now()}` });
const session = await client.beta.sessions.create({
  agent: agent.id,
  environment_id: environment.id,
  resources: [{ type: 'file', file_id: upload.id, mount_path: '/mnt/session/uploads/data.bin' }],
});

async function use(tool, input) {
  const events = await turn(session, `tool:${tool} input:${JSON.stringify(input)} tokens:2`);
  const call = events.find((event) => event.type === 'agent.tool_use');
  const result = events.find((event) => event.type === 'agent.tool_result');
  assert.equal(call.name, tool);
  assert.deepEqual(call.input, input);
  assert.equal(result.tool_use_id, call.id);
  return { failed: result.is_error ?? false, text: result.content.map((block) => block.text).join('\n') };
}

assert.deepEqual(await use('bash', { command: 'cd /tmp; export COLOUR=teal' }), { failed: false, text: '(no output)' });
assert.deepEqual(await use('bash', { command: 'pwd; echo $COLOUR' }), { failed: false, text: '/tmp\nteal' });
const late = await use('bash', { command: 'sleep 60', timeout_ms: 200 });
assert.ok(late.failed);
assert.equal((await use('write', { file_path: '/workspace/a.txt', content: 'red red' })).failed, false);
assert.ok((await use('edit', { file_path: 'a.txt', old_string: 'red', new_string: 'blue' })).failed);
assert.match((await use('read', { file_path: 'a.txt' })).text, /red red/);

await use('bash', { command: 'cp /mnt/session/uploads/data.bin /mnt/session/outputs/back.bin' });
const files = await all(client.beta.files.list({ scope_id: session.id }));
const output = files.find((file) => file.filename === 'back.bin');
assert.equal(output.size_bytes, bytes.length);
const back = await client.beta.files.download(output.id);
assert.ok(bytes.equals(Buffer.from(await back.arrayBuffer())));
