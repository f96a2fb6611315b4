// What the scenarios share: the unmodified client, pointed at the server under test.
import Anthropic from '@anthropic-ai/sdk';

export { Anthropic };
export const MODEL = 'claude-test';

export const client = new Anthropic({
  baseURL: process.env.LAMBENT_URL,
  apiKey: process.env.LAMBENT_KEY,
  maxRetries: 0,
  timeout: 30_000,
});

export const text = (words) => ({ type: 'user.message', content: [{ type: 'text', text: words }] });

export const WEATHER = {
  type: 'custom',
  name: 'get_weather',
  description: 'The weather of a city.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

export async function newSession(fields = {}) {
  const agent = await client.beta.agents.create({ name: 'Guide', model: MODEL, ...fields });
  const environment = await client.beta.environments.create({ name: `Plain ${process.pid} ${Date.now()}` });
  return client.beta.sessions.create({ agent: agent.id, environment_id: environment.id });
}

// Sends a message on an open stream and gives the events up to the next idle.
export async function turn(session, words, params = {}) {
  const stream = await client.beta.sessions.events.stream(session.id, params);
  await client.beta.sessions.events.send(session.id, { events: [text(words)] });
  return untilIdle(stream);
}

export async function untilIdle(stream) {
  const events = [];
  for await (const event of stream) {
    events.push(event);
    if (event.type === 'session.status_idle') break;
  }
  return events;
}

export const spoken = (events) =>
  events
    .filter((event) => event.type === 'agent.message')
    .map((event) => event.content.map((block) => block.text).join(''));

export async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}
