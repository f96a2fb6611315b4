// What the scenarios share: the unmodified client, pointed at the server under test.
import assert from 'node:assert/strict';
import OpenAI from 'openai';

export { assert, OpenAI };
export const MODEL = 'claude-test';

export const client = new OpenAI({
  baseURL: `${process.env.LAMBENT_URL}/openai/v1`,
  apiKey: process.env.LAMBENT_KEY,
  maxRetries: 0,
  timeout: 30_000,
});

const WORDS = { description: 'The weather of a city.', name: 'get_weather' };
const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
export const CHAT_TOOL = { type: 'function', function: { ...WORDS, parameters: PARAMETERS } };
export const AGENT_TOOL = { type: 'function', ...WORDS, parameters: PARAMETERS };

export const user = (content) => ({ role: 'user', content });

export async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}
