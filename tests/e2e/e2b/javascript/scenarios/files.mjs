// Files: written, read, listed, moved, removed, signed; and what is refused.
import assert from 'node:assert/strict';
import { FileNotFoundError, InvalidArgumentError, SandboxError } from 'e2b';
import { withSandbox } from './support.mjs';

await withSandbox(async (sandbox) => {
  const { files } = sandbox;
  const told = await files.write('notes/ä b.txt', 'grüße\n');
  assert.equal(told.path, '/workspace/notes/ä b.txt');
  assert.equal(await files.read('/workspace/notes/ä b.txt'), 'grüße\n');

  const large = new Uint8Array(10 << 20).map((_, at) => (at * 31) % 251);
  await files.write('large', large.buffer);
  assert.deepEqual(Buffer.from(await files.read('large', { format: 'bytes' })), Buffer.from(large));
  const pieces = [];
  for await (const piece of await files.read('large', { format: 'stream' })) pieces.push(piece);
  assert.deepEqual(Buffer.concat(pieces), Buffer.from(large));
  await files.write('packed', 'x'.repeat(100_000), { gzip: true });
  assert.equal((await files.read('packed')).length, 100_000);
  await files.write('empty', '');
  assert.equal(await files.read('empty'), '');

  const several = await files.write([
    { path: 'd/one', data: '1' },
    { path: 'd/two', data: '2' },
  ]);
  assert.deepEqual(several.map((one) => one.path), ['/workspace/d/one', '/workspace/d/two']);
  assert.deepEqual((await files.list('d')).map((one) => one.name).sort(), ['one', 'two']);

  assert.equal(await files.makeDir('a/b'), true);
  assert.equal(await files.makeDir('a/b'), false);
  assert.equal((await files.rename('d/one', 'a/b/c/three')).path, '/workspace/a/b/c/three');
  assert.equal(await files.exists('d/one'), false);
  assert.equal((await files.getInfo('a/b/c/three')).size, 1);
  await files.remove('a');
  await files.remove('a');
  assert.equal(await files.exists('a'), false);

  await assert.rejects(files.read('missing'), FileNotFoundError);
  await assert.rejects(files.read('d'), InvalidArgumentError);
  await assert.rejects(files.write('d', 'x'), InvalidArgumentError);
  await assert.rejects(files.read('../../etc/passwd'), SandboxError);

  const form = new FormData();
  form.append('file', new Blob(['uploaded']), 'up.txt');
  const sent = await fetch(await sandbox.uploadUrl('/workspace/up.txt'), { method: 'POST', body: form });
  assert.equal(sent.status, 200);
  const url = await sandbox.downloadUrl('/workspace/up.txt', { useSignatureExpiration: 60 });
  assert.equal(await (await fetch(url)).text(), 'uploaded');
  assert.equal((await fetch(url.replace('up.txt', 'empty'))).status, 401);
});
