// A tool that asks runs only after the client allows it; a denial's words reach the model.
import assert from 'node:assert/strict';
import { client, newSession, spoken, turn, untilIdle } from './support.mjs';

const toolset = {
  type: 'agent_toolset_20260401',
  default_config: { enabled: false },
  configs: [{ name: 'web_fetch', enabled: true, permission_policy: { type: 'always_ask' } }],
};
const session = await newSession({ tools: [toolset] });
const asked = await turn(session, 'tool:web_fetch input:{"url":"http://127.0.0.1:9/"} echo');
const use = asked.find((event) => event.type === 'agent.tool_use');
assert.equal(use.evaluated_permission, 'ask');
const reason = asked.at(-1).stop_reason;
assert.equal(reason.type, 'requires_action');
assert.deepEqual(reason.event_ids, [use.id]);

const stream = await client.beta.sessions.events.stream(session.id);
await client.beta.sessions.events.send(session.id, {
  events: [{ type: 'user.tool_confirmation', tool_use_id: use.id, result: 'deny', deny_message: 'Not this address.' }],
});
const answered = await untilIdle(stream);
const result = answered.find((event) => event.type === 'agent.tool_result');
assert.equal(result.tool_use_id, use.id);
assert.equal(result.is_error, true);
assert.match(JSON.parse(spoken(answered)[0]).tool_result, /Not this address\./);
