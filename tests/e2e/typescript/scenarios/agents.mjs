// Agents are made, changed, listed page by page and archived.
import assert from 'node:assert/strict';
import { MODEL, all, client } from './support.mjs';

const made = [];
for (let number = 0; number < 5; number += 1) {
  made.push(await client.beta.agents.create({ name: `Agent ${number}`, model: MODEL, metadata: { number: `${number}` } }));
}
assert.equal(made[0].type, 'agent');
assert.equal(made[0].version, 1);
assert.equal(made[0].model.id, MODEL);

const listed = await all(client.beta.agents.list({ limit: 2 }));
assert.deepEqual(new Set(listed.map((agent) => agent.id)), new Set(made.map((agent) => agent.id)));
assert.equal(listed.length, 5, 'pages repeat no agent');

const changed = await client.beta.agents.update(made[0].id, { version: 1, system: 'Answer briefly.' });
assert.equal(changed.version, 2);
assert.equal(changed.system, 'Answer briefly.');
assert.deepEqual(changed.metadata, { number: '0' }, 'what is not sent stays');

const first = await client.beta.agents.retrieve(made[0].id, { version: 1 });
assert.equal(first.system, null);
const versions = await all(client.beta.agents.versions.list(made[0].id, { limit: 1 }));
assert.deepEqual(versions.map((agent) => agent.version), [2, 1]);

const archived = await client.beta.agents.archive(made[1].id);
assert.ok(archived.archived_at);
const left = await all(client.beta.agents.list());
assert.equal(left.length, 4, 'an archived agent leaves the list');
