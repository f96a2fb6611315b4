// Every refusal arrives as the SDK's class for it, with the envelope's type and the request's id.
import assert from 'node:assert/strict';
import { Anthropic, MODEL, client, newSession } from './support.mjs';

async function refused(promise, kind, status, type) {
  const error = await promise.then(
    () => assert.fail(`a ${kind.name} was expected`),
    (reason) => reason,
  );
  assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
  assert.equal(error.status, status);
  assert.equal(error.error.error.type, type);
  assert.match(error.requestID, /^req_/);
  return error;
}

const stranger = new Anthropic({ baseURL: process.env.LAMBENT_URL, apiKey: 'lmb_wrong', maxRetries: 0 });
await refused(stranger.beta.agents.list(), Anthropic.AuthenticationError, 401, 'authentication_error');
await refused(client.beta.agents.retrieve('agent_unknown'), Anthropic.NotFoundError, 404, 'not_found_error');
const bad = await refused(
  client.beta.agents.create({ name: '', model: MODEL }),
  Anthropic.BadRequestError,
  400,
  'invalid_request_error',
);
assert.match(bad.message, /name/);
const agent = await client.beta.agents.create({ name: 'Twice', model: MODEL });
await client.beta.agents.update(agent.id, { version: 1, name: 'Thrice' });
await refused(
  client.beta.agents.update(agent.id, { version: 1, name: 'Never' }),
  Anthropic.ConflictError,
  409,
  'conflict_error',
);
const session = await newSession();
await refused(
  client.beta.sessions.events.send(session.id, { events: [] }),
  Anthropic.BadRequestError,
  400,
  'invalid_request_error',
);
await refused(client.get('/v1/nothing'), Anthropic.NotFoundError, 404, 'not_found_error');
