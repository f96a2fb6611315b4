// Chats with a bare model: whole, streamed, with tools, counts, errors; models.
import { CHAT_TOOL, MODEL, OpenAI, all, assert, client, user } from './support.mjs';

const done = await client.chat.completions.create({ model: MODEL, messages: [user('say:"Hello there"')] });
assert.equal(done.choices[0].message.content, 'Hello there');
assert.equal(done.usage.total_tokens, 12);

const chunks = await all(
  await client.chat.completions.create({
    model: MODEL,
    messages: [user('tokens:4')],
    stream: true,
    stream_options: { include_usage: true },
  }),
);
assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), 'hi word word word');
assert.equal(chunks.at(-1).usage.completion_tokens, 4);
assert.deepEqual(chunks.at(-1).choices, []);

const asked = { model: MODEL, messages: [user('tool:get_weather input:{"city": "Bonn"}')], tools: [CHAT_TOOL] };
const called = await client.chat.completions.create(asked);
assert.equal(called.choices[0].finish_reason, 'tool_calls');
assert.equal(called.choices[0].message.content, null);
assert.deepEqual(JSON.parse(called.choices[0].message.tool_calls[0].function.arguments), { city: 'Bonn' });

const runner = client.chat.completions.stream(asked);
const streamed = await runner.finalMessage();
assert.deepEqual(JSON.parse(streamed.tool_calls[0].function.arguments), { city: 'Bonn' });

const answered = await client.chat.completions.create({
  ...asked,
  messages: [
    ...asked.messages,
    called.choices[0].message,
    { role: 'tool', tool_call_id: called.choices[0].message.tool_calls[0].id, content: 'sunny' },
  ],
});
assert.equal(answered.choices[0].finish_reason, 'stop');

await assert.rejects(client.chat.completions.create({ ...asked, n: 2 }), (error) => {
  assert.ok(error instanceof OpenAI.BadRequestError);
  return error.param === 'n';
});
await assert.rejects(
  async () =>
    all(await client.chat.completions.create({ model: MODEL, messages: [user('tokens:9 fail:3')], stream: true })),
  OpenAI.APIError,
);

const models = await all(client.models.list());
assert.ok(models.length > 0);
assert.equal((await client.models.retrieve(models[0].id)).id, models[0].id);
await assert.rejects(client.models.retrieve('nobody/made-this'), OpenAI.NotFoundError);
