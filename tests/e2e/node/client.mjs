// The official Node SDK against the gateway. Usage: node client.mjs BASE_URL KEY. Exit code 0: all as with the service.
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Say something." }];
let sessions = 0; // one for each call, so that the session's cap stops only the call that is meant to run into it
const ask = (more = {}, script = "", options = {}) =>
  client.chat.completions.create({ model: "standin", messages, max_tokens: 4, ...more },
    { headers: { "X-Standin": script, "Ciyuan-Session": `session-${++sessions}` }, ...options });

async function raises(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error.constructor.name, kind.name, `${error.constructor.name}: ${error.message}`);
    return error;
  }
  assert.fail(`nothing was raised, wanted ${kind.name}`);
}

const whole = await ask();
let streamed = "", usage = null;
for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
  for (const choice of chunk.choices) streamed += choice.delta.content ?? "";
  usage = chunk.usage ?? usage;
}
assert.equal(streamed, whole.choices[0].message.content);
assert.equal(usage.prompt_tokens, whole.usage.prompt_tokens);

const tools = [{ type: "function", function: { name: "look_up", parameters: { type: "object", properties: { text: { type: "string" } } } } }];
const called = await ask({ tools, max_tokens: 40 });
assert.deepEqual(JSON.parse(called.choices[0].message.tool_calls[0].function.arguments), { text: "Say something." });
const final = await client.chat.completions.stream({ model: "standin", messages, tools }, { headers: { "Ciyuan-Session": "tools" } }).finalChatCompletion();
assert.equal(final.choices[0].message.tool_calls[0].function.name, "look_up");

const vectors = await client.embeddings.create({ model: "standin", input: ["one", "two"] });
assert.equal(vectors.data.length, 2);
const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.deepEqual(models, ["standin"]);

await raises(OpenAI.BadRequestError, () => ask({ messages: "not a list" }));
await raises(OpenAI.AuthenticationError, () => new OpenAI({ baseURL, apiKey: "ck-nobody", maxRetries: 0 }).models.list());
await raises(OpenAI.NotFoundError, () => ask({ model: "no-such-model" }));
await raises(OpenAI.InternalServerError, () => ask({}, "status=403")); // the operator's key was refused, not the client's
await raises(OpenAI.RateLimitError, () => ask({}, "status=429"));
await raises(OpenAI.InternalServerError, () => ask({}, "status=500"));
await raises(OpenAI.InternalServerError, () => ask({}, "status=503"));
await raises(OpenAI.InternalServerError, () => ask({}, "reset"));
await raises(OpenAI.InternalServerError, () => ask({}, "garbage"));
const read = async (script) => {
  let text = "";
  for await (const chunk of await ask({ stream: true, max_tokens: 8 }, script)) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
};
assert.ok((await read("tokens=5")).length > 0);
for (const script of ["break-after=3", "half-close=3", "error-after=3"]) await raises(OpenAI.APIError, () => read(script));
const once = (key, more = {}, script = "") =>
  ask(more, script, { headers: { "Idempotency-Key": key, "Ciyuan-Session": `once-${key}`, "X-Standin": script } });
await once("node-1");
await raises(OpenAI.UnprocessableEntityError, () => once("node-1", { max_tokens: 3 }));
const running = await once("node-2", { stream: true, max_tokens: 20 }, "rate=5,tokens=20");
await raises(OpenAI.ConflictError, () => once("node-2", { stream: true, max_tokens: 20 }, "rate=5,tokens=20"));
running.controller.abort();
const session = { headers: { "Ciyuan-Session": "full" } };
await client.chat.completions.create({ model: "standin", messages }, session);
const refused = await raises(OpenAI.RateLimitError, () => client.chat.completions.create({ model: "standin", messages }, session));
assert.equal(refused.error.ciyuan.clause, "tiny");
await raises(OpenAI.APIConnectionTimeoutError, () => ask({}, "stall=3000", { timeout: 300 }));
await raises(OpenAI.APIConnectionError, () => new OpenAI({ baseURL: "http://127.0.0.1:9/v1", apiKey, maxRetries: 0 }).models.list());
const retried = await ask({}, "fail-first=2:503:node", { maxRetries: 3 });
assert.ok(retried.choices.length === 1);
console.log("all as with the service itself");
