// An interrupt ends the turn in the middle of the model's words, and the session goes on afterwards.
import assert from 'node:assert/strict';
import { client, newSession, spoken, text, turn } from './support.mjs';

const session = await newSession();
const stream = await client.beta.sessions.events.stream(session.id, { event_deltas: ['agent.message'] });
await client.beta.sessions.events.send(session.id, { events: [text('tokens:20 hang:5')] });
let interrupted = 0;
let idle;
for await (const event of stream) {
  if (event.type === 'event_delta' && !interrupted) {
    interrupted = Date.now();
    await client.beta.sessions.events.send(session.id, { events: [{ type: 'user.interrupt' }] });
  }
  if (event.type === 'session.status_idle') {
    idle = event;
    break;
  }
}
assert.ok(interrupted, 'the model was speaking');
assert.ok(Date.now() - interrupted < 5000, 'it stops at once');
assert.ok(idle.stop_reason);
assert.equal((await client.beta.sessions.retrieve(session.id)).status, 'idle');
assert.deepEqual(spoken(await turn(session, 'say:"Here again."')), ['Here again.']);
