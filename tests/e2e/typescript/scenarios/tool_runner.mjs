// The SDK's tool runner attaches to a session, runs the called tool and posts its result.
import assert from 'node:assert/strict';
import { WEATHER, client, newSession, spoken, text, untilIdle } from './support.mjs';

const session = await newSession({ tools: [WEATHER] });
const tool = {
  ...WEATHER,
  run: async ({ city }) => `It is 21 degrees in ${city}`,
  parse: (input) => input,
};
const runner = client.beta.sessions.events.toolRunner(session.id, { tools: [tool], maxIdleMs: 200 });
const calls = [];
const running = (async () => {
  for await (const call of runner) calls.push(call);
})();
const stream = await client.beta.sessions.events.stream(session.id);
await client.beta.sessions.events.send(session.id, {
  events: [text('tool:get_weather input:{"city":"Bern"} echo')],
});
let events = await untilIdle(stream);
if (events.at(-1).stop_reason.type === 'requires_action') {
  await running;
  events = (await client.beta.sessions.events.list(session.id)).data;
} else {
  await running;
}
assert.equal(calls.length, 1);
assert.equal(calls[0].name, 'get_weather');
assert.equal(calls[0].isError, false);
assert.equal(calls[0].posted, true);
const answer = spoken(events).at(-1);
assert.equal(JSON.parse(answer).tool_result, 'It is 21 degrees in Bern');
