// Deltas are sent to who asks for them, and add up to the event that follows.
import assert from 'node:assert/strict';
import { accumulateManagedAgentsEvent } from '@anthropic-ai/sdk/lib/sessions/accumulate';
import { newSession, spoken, turn } from './support.mjs';

const session = await newSession();
const plain = await turn(session, 'say:"Nothing in between."');
assert.ok(!plain.some((event) => event.type.startsWith('event_')), 'nobody asked for deltas');

const events = await turn(session, 'gap:20 say:"One two three four five six."', { event_deltas: ['agent.message'] });
const start = events.find((event) => event.type === 'event_start');
const deltas = events.filter((event) => event.type === 'event_delta');
assert.ok(deltas.length >= 1);
let message;
for (const event of [start, ...deltas]) message = accumulateManagedAgentsEvent(message, event);
const final = events.find((event) => event.type === 'agent.message');
assert.equal(message.id, final.id);
assert.deepEqual(
  message.content.map((block) => block.text),
  final.content.map((block) => block.text),
);
assert.deepEqual(spoken(events), ['One two three four five six.']);
