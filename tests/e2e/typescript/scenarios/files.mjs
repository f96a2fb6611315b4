// Files are uploaded, listed, attached to a session, read back and removed.
import assert from 'node:assert/strict';
import { toFile } from '@anthropic-ai/sdk';
import { Anthropic, all, client, newSession } from './support.mjs';

const words = 'Grüße, world\n'.repeat(1000);
const made = await client.beta.files.upload({ file: await toFile(Buffer.from(words), 'note é.txt', { type: 'text/plain' }) });
assert.equal(made.type, 'file');
assert.equal(made.filename, 'note é.txt');
assert.equal(made.mime_type, 'text/plain');
assert.equal(made.size_bytes, Buffer.byteLength(words));
assert.deepEqual(await client.beta.files.retrieveMetadata(made.id), made);
for (let number = 0; number < 3; number += 1) {
  await client.beta.files.upload({ file: await toFile(Buffer.from('x'), `${number}.txt`) });
}
assert.equal((await all(client.beta.files.list({ limit: 2 }))).length, 4);

const content = await client.beta.files.download(made.id);
assert.equal(await content.text(), words);

const session = await newSession();
const resource = await client.beta.sessions.resources.add(session.id, {
  type: 'file',
  file_id: made.id,
  mount_path: '/mnt/session/uploads/note.txt',
});
assert.equal(resource.type, 'file');
assert.deepEqual((await all(client.beta.sessions.resources.list(session.id))).map((one) => one.id), [resource.id]);
await client.beta.sessions.resources.delete(resource.id, { session_id: session.id });
assert.deepEqual(await all(client.beta.sessions.resources.list(session.id)), []);

const gone = await client.beta.files.delete(made.id);
assert.equal(gone.id, made.id);
await assert.rejects(client.beta.files.retrieveMetadata(made.id), Anthropic.NotFoundError);
