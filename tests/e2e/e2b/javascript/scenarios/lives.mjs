// How sandboxes are made, found, paused, resumed and ended.
import assert from 'node:assert/strict';
import { AuthenticationError, NotFoundError, Sandbox, TimeoutError } from 'e2b';
import { options, sleep, withSandbox } from './support.mjs';

await assert.rejects(Sandbox.create({ ...options, apiKey: 'wrong' }), AuthenticationError);

const metadata = { of: 'a & b = 100 %' };
await withSandbox(
  async (sandbox) => {
    const info = await sandbox.getInfo();
    assert.deepEqual([info.sandboxId, info.templateId, info.state], [sandbox.sandboxId, 'base', 'running']);
    assert.deepEqual(info.metadata, metadata);
    assert.equal((await sandbox.commands.run('echo $COLOUR')).stdout, 'dark green\n');

    const pages = Sandbox.list({ ...options, query: { metadata }, limit: 1 });
    const found = [];
    while (pages.hasNext) found.push(...(await pages.nextItems()));
    assert.deepEqual(found.map((one) => one.sandboxId), [sandbox.sandboxId]);

    const [sample] = await sandbox.getMetrics();
    assert.ok(sample.memTotal > 0 && sample.diskTotal > 0 && sample.cpuCount >= 1);

    await sandbox.files.write('a.txt', 'kept');
    const sleeper = await sandbox.commands.run('sleep 600', { background: true, timeoutMs: 0 });
    assert.equal(await sandbox.pause(), true);
    assert.equal(await sandbox.pause(), false);
    assert.equal(await sandbox.isRunning(), false);
    await assert.rejects(sandbox.files.read('a.txt'), TimeoutError);
    await assert.rejects(sandbox.commands.run('true'), NotFoundError);
    const again = await Sandbox.connect(sandbox.sandboxId, options);
    assert.equal(await again.files.read('a.txt'), 'kept');
    assert.equal(await again.commands.kill(sleeper.pid), true);

    await again.setTimeout(1000);
    await sleep(1100);
    assert.equal(await again.isRunning(), false);
    await assert.rejects(again.getInfo(), NotFoundError);
    assert.equal(await again.kill(), false);
  },
  { metadata, envs: { COLOUR: 'dark green' }, timeoutMs: 60_000 },
);
