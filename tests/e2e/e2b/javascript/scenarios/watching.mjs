// Changes of files are told as they happen.
import assert from 'node:assert/strict';
import { FileNotFoundError } from 'e2b';
import { eventually, sleep, withSandbox } from './support.mjs';

await withSandbox(async ({ files }) => {
  const seen = [];
  await files.makeDir('watched/deep');
  const watch = await files.watchDir('watched', (event) => seen.push(`${event.type} ${event.name}`), { recursive: true });
  await files.write('watched/new.txt', 'x');
  await files.write('watched/deep/inner.txt', 'x');
  await files.rename('watched/new.txt', 'watched/other.txt');
  await files.remove('watched/other.txt');
  const wanted = ['create new.txt', 'write new.txt', 'create deep/inner.txt', 'rename new.txt', 'remove other.txt'];
  await eventually(() => wanted.every((one) => seen.includes(one)));
  assert.equal(seen.filter((one) => one === 'create new.txt').length, 1);
  await watch.stop();
  const before = seen.length;
  await files.write('watched/late.txt', 'x');
  await sleep(100);
  assert.equal(seen.length, before);
  await assert.rejects(files.watchDir('missing', () => {}), FileNotFoundError);
});
