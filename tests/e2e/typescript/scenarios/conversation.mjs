// A stream that is opened first carries the whole turn; the list holds the same events.
import assert from 'node:assert/strict';
import { all, client, newSession, spoken, turn } from './support.mjs';

const session = await newSession({ system: 'Answer briefly.' });
assert.equal(session.status, 'idle');
const events = await turn(session, 'say:"The capital is Paris."');
assert.deepEqual(spoken(events), ['The capital is Paris.']);
const order = ['session.status_running', 'user.message', 'agent.message', 'session.usage', 'session.status_idle'];
assert.deepEqual(
  events.map((event) => event.type).filter((type) => order.includes(type)),
  order,
);
const idle = events.at(-1);
assert.equal(idle.stop_reason.type, 'end_turn');
assert.equal(new Set(events.map((event) => event.id)).size, events.length);

const listed = await all(client.beta.sessions.events.list(session.id, { limit: 2 }));
const ids = listed.map((event) => event.id);
for (const event of events) assert.ok(ids.includes(event.id), `${event.type} is in the list`);
assert.ok(listed.every((event) => event.processed_at));

const newest = await client.beta.sessions.events.list(session.id, { order: 'desc', limit: 1 });
assert.equal(newest.data[0].id, listed.at(-1).id);

const after = await client.beta.sessions.retrieve(session.id);
assert.equal(after.status, 'idle');
assert.ok(after.usage.input_tokens > 0);
assert.ok(after.usage.output_tokens > 0);
