// The stream helper of sessions, with a handler that answers the agent's function.
import { AGENT_TOOL, MODEL, all, assert, client } from './support.mjs';

const { sessions } = client.beta.agents;
const session = await sessions.create({
  agent: { model: MODEL, tools: [AGENT_TOOL] },
  environment: { type: 'openai_hosted' },
});
const asked = [];
const stream = sessions.stream(session.id, {
  input: 'tool:get_weather input:{"city": "Bonn"}',
  toolHandlers: {
    get_weather: (given) => {
      asked.push(given);
      return 'sunny';
    },
  },
});
const events = await all(await stream);
assert.deepEqual(asked, [{ city: 'Bonn' }]);
assert.equal(events.at(-1).type, 'agent.session.idle');
