// A webhook reaches a receiver of the client's own, verifies with its secret, and does not when anything is changed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { client, MODEL } from './support.mjs';

const received = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  received.push({ body, headers: request.headers });
  response.writeHead(204).end();
  server.emit('received');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const endpoint = await client.post('/v1/webhook_endpoints', {
  body: { url: `http://127.0.0.1:${server.address().port}/hook`, events: ['agent.*'] },
});
const heard = once(server, 'received');
const agent = await client.beta.agents.create({ name: 'Told', model: MODEL });
await heard;

const [{ body, headers }] = received;
const event = client.beta.webhooks.unwrap(body, { headers, key: endpoint.secret });
assert.equal(event.type, 'event');
assert.equal(event.id, headers['webhook-id']);
assert.equal(event.data.type, 'agent.created');
assert.equal(event.data.id, agent.id);
assert.throws(() => client.beta.webhooks.unwrap(body.replace('created', 'deleted'), { headers, key: endpoint.secret }));
const stale = { ...headers, 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 360) };
assert.throws(() => client.beta.webhooks.unwrap(body, { headers: stale, key: endpoint.secret }));
server.close();
