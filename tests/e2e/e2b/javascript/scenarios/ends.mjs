// When sandboxes end: by their time, into a pause, by a kill; and what lists tell of them.
import assert from 'node:assert/strict';
import { Sandbox, SandboxNotFoundError } from 'e2b';
import { eventually, options, withSandbox } from './support.mjs';

const metadata = { of: 'ends & pauses' };

async function listed(query) {
  const pages = Sandbox.list({ ...options, query, limit: 1 });
  const found = [];
  while (pages.hasNext) found.push(...(await pages.nextItems()));
  return found.map((one) => one.sandboxId).sort();
}

await withSandbox(
  (one) =>
    withSandbox(
      async (other) => {
        await one.files.write('a.txt', 'kept');
        await one.setTimeout(1000);
        await eventually(async () => (await one.getInfo()).state === 'paused');
        assert.deepEqual(await listed({ metadata, state: ['paused'] }), [one.sandboxId]);
        assert.deepEqual(await listed({ metadata, state: ['running'] }), [other.sandboxId]);
        assert.deepEqual(await listed({ metadata }), [one.sandboxId, other.sandboxId].sort());
        assert.deepEqual(await listed({ metadata: { of: 'ends ' } }), []);

        const again = await Sandbox.connect(one.sandboxId, { ...options, timeoutMs: 120_000 });
        assert.equal(await again.files.read('a.txt'), 'kept');
        const until = (await again.getInfo()).endAt;
        await Sandbox.connect(one.sandboxId, { ...options, timeoutMs: 5_000 });
        assert.deepEqual((await again.getInfo()).endAt, until);

        assert.equal(await other.kill(), true);
        assert.equal(await other.kill(), false);
        assert.equal(await other.isRunning(), false);
        await assert.rejects(other.getInfo(), SandboxNotFoundError);
      },
      { metadata, timeoutMs: 60_000 },
    ),
  { metadata, timeoutMs: 60_000, lifecycle: { onTimeout: 'pause' } },
);
