// Sessions and environments are changed, listed, archived and deleted.
import assert from 'node:assert/strict';
import { Anthropic, all, client, newSession, text } from './support.mjs';

const session = await newSession();
const named = await client.beta.sessions.update(session.id, { title: 'A title', metadata: { colour: 'red' } });
assert.equal(named.title, 'A title');
assert.deepEqual(named.metadata, { colour: 'red' });
assert.deepEqual((await all(client.beta.sessions.list())).map((one) => one.id), [session.id]);
const [thread] = await all(client.beta.sessions.threads.list(session.id));
assert.equal(thread.session_id, session.id);

const archived = await client.beta.sessions.archive(session.id);
assert.ok(archived.archived_at);
await assert.rejects(
  client.beta.sessions.events.send(session.id, { events: [text('Too late')] }),
  (error) => error instanceof Anthropic.APIError && error.status >= 400 && error.status < 500,
);
const gone = await client.beta.sessions.delete(session.id);
assert.deepEqual(gone, { id: session.id, type: 'session_deleted' });
await assert.rejects(client.beta.sessions.retrieve(session.id), Anthropic.NotFoundError);

const environment = await client.beta.environments.create({ name: 'Short-lived' });
const changed = await client.beta.environments.update(environment.id, { description: 'For a moment' });
assert.equal(changed.description, 'For a moment');
assert.ok((await client.beta.environments.archive(environment.id)).archived_at);
const other = await client.beta.environments.create({ name: 'Unused' });
assert.deepEqual(await client.beta.environments.delete(other.id), { id: other.id, type: 'environment_deleted' });
await assert.rejects(client.beta.environments.retrieve(other.id), Anthropic.NotFoundError);
