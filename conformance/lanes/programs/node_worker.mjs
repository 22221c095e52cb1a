// Drives one generation of a TypeScript SDK: JSON lines in on standard input, JSON lines out on standard output.
//
// `node node_worker.mjs PACKAGE DIRECTORY`: the package lies in the directory's node_modules. Each request has exactly
// one reply, under its `id`; `conformance.lanes.protocol` says which there are.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [name, directory] = process.argv.slice(2);
const loaded = createRequire(join(directory, "here.js"))(name);
const Connect = loaded.default ?? loaded;

const clients = new Map();
const streams = new Map();
const running = new Map();

const camel = (word) => word.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());

function client({ id, url, headers, key, retries, seconds }) {
  if (!clients.has(id)) {
    const settings = { baseURL: url, apiKey: key, maxRetries: retries, timeout: seconds * 1000 };
    clients.set(id, new Connect({ ...settings, defaultHeaders: headers }));
  }
  return clients.get(id);
}

// OpenAI's lists take no parameters of their own.
const list = (resource, options) => (name === "openai" ? resource.list(options) : resource.list({}, options));

const commands = {
  async call(request, signal) {
    const path = request.path.map(camel);
    const method = path.pop();
    const resource = path.reduce((target, part) => target[part], client(request.client));
    const options = { headers: request.headers, query: request.query, signal };
    const fields = { ...request.fields, ...request.body };
    if (method === "list") return { data: (await list(resource, options)).data };
    if (!request.stream) return await resource[method](fields, options);
    const stream = await resource[method]({ ...fields, stream: true }, options);
    streams.set(request.id, { stream, events: stream[Symbol.asyncIterator]() });
    return null;
  },

  async next(request) {
    const { done, value } = await streams.get(request.stream).events.next();
    return done ? null : value;
  },

  async leave(request) {
    streams.get(request.stream).stream.controller.abort();
    streams.delete(request.stream);
    return null;
  },

  async cancel(request) {
    running.get(request.call)?.abort();
    // Nobody is there any more to read the stream of a call that was just answered.
    return streams.has(request.call) ? commands.leave({ stream: request.call }) : null;
  },

  async close(request) {
    clients.delete(request.client);
    return null;
  },
};

function failure(error) {
  const cause = error.cause === undefined ? "" : ` <- ${error.cause}`;
  return {
    kind: error.constructor.name,
    message: `${error.message}${cause}`,
    status: error.status ?? null,
    headers: error.headers ? [...error.headers.entries()] : [],
    body: error.error ?? null,
    request_id: error.requestID ?? null,
  };
}

const say = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

async function answer(request) {
  const controller = new AbortController();
  running.set(request.id, controller);
  try {
    say({ id: request.id, value: (await commands[request.do](request, controller.signal)) ?? null });
  } catch (error) {
    say({ id: request.id, failure: failure(error) });
  } finally {
    running.delete(request.id);
  }
}

console.log = console.info = console.debug = console.error;
createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on("line", (line) => answer(JSON.parse(line)))
  .on("close", () => process.exit(0));
