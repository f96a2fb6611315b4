// A custom tool's call waits for the client, and its result goes to the model.
import assert from 'node:assert/strict';
import { WEATHER, client, newSession, spoken, turn, untilIdle } from './support.mjs';

const session = await newSession({ tools: [WEATHER] });
const asked = await turn(session, 'tool:get_weather input:{"city":"Bern"} echo');
const use = asked.find((event) => event.type === 'agent.custom_tool_use');
assert.equal(use.name, 'get_weather');
assert.deepEqual(use.input, { city: 'Bern' });
const reason = asked.at(-1).stop_reason;
assert.equal(reason.type, 'requires_action');
assert.deepEqual(reason.event_ids, [use.id]);

const stream = await client.beta.sessions.events.stream(session.id);
await client.beta.sessions.events.send(session.id, {
  events: [
    { type: 'user.custom_tool_result', custom_tool_use_id: use.id, content: [{ type: 'text', text: '21 degrees' }] },
  ],
});
const answered = await untilIdle(stream);
assert.equal(JSON.parse(spoken(answered)[0]).tool_result, '21 degrees');
assert.equal(answered.at(-1).stop_reason.type, 'end_turn');
