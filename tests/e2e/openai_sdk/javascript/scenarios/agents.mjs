// The Agents API: an agent, a session, a function's round trip by hand on a stream, items, turns, endings.
import { AGENT_TOOL, MODEL, OpenAI, all, assert, client } from './support.mjs';

const { agents } = client.beta;
const agent = await agents.create({ model: MODEL, name: 'Ada', tools: [AGENT_TOOL] });
assert.equal(agent.object, 'agent');
assert.equal(agent.tools[0].defer_loading, false);
assert.deepEqual((await all(agents.list())).map((one) => one.id), [agent.id]);

const session = await agents.sessions.create({ agent_id: agent.id, environment: { type: 'openai_hosted' } });
assert.equal(session.status, 'idle');

const stream = await agents.sessions.events.stream(session.id);
const message = {
  type: 'agent.session.input.message',
  input: [{ role: 'user', content: [{ type: 'input_text', text: 'tool:get_weather input:{"city": "Bonn"}' }] }],
};
await agents.sessions.events.create(session.id, { events: [message] });
const kinds = [];
let text = '';
for await (const event of stream) {
  kinds.push(event.type);
  if (event.type === 'agent.session.requires_action') {
    const [action] = event.session.required_actions;
    assert.deepEqual(action.arguments, { city: 'Bonn' });
    await agents.sessions.events.create(session.id, {
      events: [
        {
          type: 'agent.session.input.tool_result',
          turn_id: action.turn_id,
          call_id: action.call_id,
          success: true,
          output: 'sunny',
        },
      ],
    });
  }
  if (event.type === 'agent.session.turn.output_text.delta') text += event.delta;
  if (event.type === 'agent.session.idle') break;
}
assert.ok(kinds.includes('agent.session.turn.completed'));
assert.ok(text.startsWith('hi'));

const items = await all(agents.sessions.items.list(session.id, { order: 'asc', limit: 2 }));
assert.deepEqual(
  items.map((item) => item.type),
  ['message', 'function_call', 'function_call_output', 'message'],
);
const turns = await all(agents.sessions.turns.list(session.id));
assert.deepEqual(turns.map((turn) => turn.status), ['completed']);

await assert.rejects(
  agents.sessions.events.create(session.id, {
    events: [
      {
        type: 'agent.session.input.tool_result',
        turn_id: turns[0].id,
        call_id: 'call_nobody_made',
        success: true,
        output: 'x',
      },
    ],
  }),
  (error) => error instanceof OpenAI.BadRequestError && error.message.includes('Unknown pending tool call: call_nobody_made'),
);

assert.equal((await agents.sessions.delete(session.id)).deleted, true);
await assert.rejects(agents.sessions.retrieve(session.id), OpenAI.NotFoundError);
assert.equal((await agents.delete(agent.id)).object, 'agent.deleted');
