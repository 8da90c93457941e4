import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Lost } from "../../../src/spotal/web/static/api.js";
import { Outbox } from "../../../src/spotal/web/static/outbox.js";
import { Session } from "../../../src/spotal/web/static/session.js";
import { Server, Shelf, answer, change, job, state, task } from "./fakes.js";

let server = new Server();
let storage = new Shelf();
/** @type {unknown[]} what the server says next about the state; the last is said again and again */
let replies = [];
/** @type {string[]} */
let asked = [];
/** @type {unknown[]} what was asked for beside answers */
let told = [];
/** @type {Session[]} */
const sessions = [];

beforeEach(() => {
  server = new Server();
  storage = new Shelf();
  replies = [state()];
  asked = [];
  told = [];
});

afterEach(() => {
  for (const session of sessions.splice(0)) {
    for (const timer of [session.timer, session.poller, session.pause]) clearTimeout(timer ?? undefined);
  }
});

/** A tab of the page, loaded. */
async function open() {
  const session = new Session({
    ask: async (path) => {
      asked.push(path);
      await Promise.resolve();
      if (server.isAway) throw new Lost("away");
      return structuredClone(replies.length > 1 ? replies.shift() : replies[0]);
    },
    tell: async (path, body) => {
      told.push([path, body]);
      return { job: job() };
    },
    openOutbox: (project) => new Outbox(project, { storage, send: server.post }),
    openChannel: () => ({ onmessage: null, postMessage: () => {} }),
  });
  sessions.push(session);
  await session.begin();
  return session;
}

/**
 * @param {string} id
 * @param {number} item
 * @param {number} [round]
 */
const undoable = (id, item, round = 0) => ({ id, item, name: `t${item}`, round });

/** @param {Session} session */
const words = (session) => [...session.words].map(([number, { label }]) => [number, label]);

test("an answer is on disk before the next item shows", async () => {
  const session = await open();
  assert.equal(session.current, 0);
  const answering = session.answer([0], "label", "red");
  assert.deepEqual([session.current, session.saving], [0, true]);
  await session.answer([0], "label", "green"); // a key that is pressed meanwhile does nothing
  await answering;
  assert.deepEqual(server.recorded.map(({ item, label, content }) => [item, label, content]), [[0, "red", "content 0"]]);
  assert.deepEqual([session.current, session.saving], [1, false]);
});

test("while the server is away one goes on, and undo is kept as well", async () => {
  const session = await open();
  server.isAway = true;
  await session.answer([0], "label", "red");
  await session.answer([1], "label", "green");
  assert.equal(session.lost, "away");
  assert.equal(session.current, 2);
  await session.undo();
  assert.equal(session.current, 1);
  assert.deepEqual(words(session), [[0, "red"]]);
  server.isAway = false;
  await session.retry();
  assert.equal(session.lost, null);
  assert.deepEqual(server.recorded.map(({ item, kind }) => [item, kind]), [[0, "label"], [1, "label"], [1, "undo"]]);
  assert.equal(server.now(1), null);
});

test("undo says again what held before, one step at a time, and says when nothing is left", async () => {
  const session = await open();
  /** @type {string[]} */
  const said = [];
  session.addEventListener("say", (event) => said.push(/** @type {CustomEvent<string>} */ (event).detail));
  await session.answer([0], "label", "red");
  session.go(0);
  await session.answer([0], "label", "green");
  await session.undo();
  assert.deepEqual([words(session), session.current], [[[0, "red"]], 0]);
  await session.undo();
  assert.deepEqual(words(session), []);
  await session.undo();
  assert.equal(said.at(-1), "Nothing to undo");
  assert.equal(server.recorded.length, 4);
});

test("what was answered together is taken back together", async () => {
  const session = await open();
  await session.answer([0, 2], "label", "red");
  assert.equal(session.current, 1);
  await session.undo();
  assert.deepEqual(session.open, [0, 1, 2]);
  assert.deepEqual(server.requests.map((ids) => ids.length), [2, 2]);
});

test("undo reaches answers of an earlier visit, the newest first", async () => {
  server.recorded.push(answer("a", 7), answer("b", 8));
  replies = [state({ undoable: [undoable("b", 8), undoable("a", 7)] })];
  const session = await open();
  await session.undo();
  await session.undo();
  assert.deepEqual(server.recorded.slice(2).map(({ of }) => of), ["b", "a"]);
});

test("undo that would reach into an earlier round asks first", async () => {
  server.recorded.push(answer("a", 7));
  const round = { number: 1, strategy: "spot", size: 3, waiting: 3 };
  replies = [state({ undoable: [undoable("a", 7)], round })];
  const session = await open();
  /** @type {import("../../../src/spotal/web/static/session.js").Step[]} */
  const asked = [];
  session.addEventListener("ask", (event) => asked.push(/** @type {CustomEvent} */ (event).detail));
  await session.answer([0], "label", "red");
  await session.undo();
  assert.equal(asked.length, 0); // of this round
  await session.undo();
  assert.deepEqual(asked.map((step) => [step[0]?.name, step[0]?.round]), [["t7", 0]]);
  assert.equal(server.now(7)?.label, "red");
  await session.undo(true);
  assert.equal(server.now(7), null);
});

test("an answer of the batch before the present one is of an earlier round", async () => {
  const session = await open();
  let asked = 0;
  session.addEventListener("ask", () => asked++);
  await session.answer([0], "label", "red");
  replies = [state({ tasks: [task(5)], round: { number: 1, strategy: "spot", size: 1, waiting: 1 } })];
  await session.refresh();
  await session.undo();
  assert.deepEqual([asked, session.stack.length], [1, 1]);
});

test("answers that waited when the page was closed are sent when it opens", async () => {
  const before = await open();
  server.isAway = true;
  await before.answer([0], "label", "red");
  server.isAway = false;
  replies = [state(), state({ tasks: [task(1), task(2)] })];
  const again = await open();
  assert.deepEqual(server.recorded.map(({ item }) => item), [0]);
  assert.deepEqual([again.back, again.current], [1, 1]);
});

test("a page that lost the server while it was loaded opens when the server is back", async () => {
  new Outbox("k", { storage, send: server.post }).put(answer("a"));
  let opened = 0;
  const { post } = server;
  server.post = async () => {
    throw new Lost("away");
  };
  const session = new Session({
    ask: async () => state(),
    openOutbox: (project) => new Outbox(project, { storage, send: (path, body) => server.post(path, body) }),
    openChannel: () => ({ onmessage: null, postMessage: () => {} }),
  });
  sessions.push(session);
  session.addEventListener("open", () => opened++);
  await session.begin();
  assert.deepEqual([session.lost, opened], ["away", 0]);
  server.post = post;
  await session.retry();
  await session.retry();
  assert.deepEqual([session.lost, opened, server.ids], [null, 1, ["a"]]);
});

test("an item that another tab answered stays in sight, marked, and is not asked for again", async () => {
  const session = await open();
  replies = [change({ gone: [0] })];
  await session.refresh();
  assert.equal(session.current, 0);
  assert.equal(session.task?.elsewhere, true);
  assert.deepEqual(session.open, [1, 2]);
  session.step(true);
  assert.equal(session.current, 1);
  session.step(true);
  session.step(true);
  assert.equal(session.current, 1);
});

test("where others have answered all that was left one goes on to the end", async () => {
  const session = await open();
  replies = [change({ gone: [0, 1, 2] })];
  await session.refresh();
  assert.equal(session.current, 0);
  session.step(true);
  assert.equal(session.current, null);
  session.step(false);
  assert.equal(session.current, 2);
});

test("an answer that another tab keeps counts here too", async () => {
  const session = await open();
  new Outbox("k", { storage, send: server.post }).put(answer("a", 1));
  replies = [change({ still: [1] })];
  await session.refresh();
  assert.deepEqual(session.open, [0, 2]);
});

test("a state that is older than an answer is not taken", async () => {
  const session = await open();
  /** @type {(reply: unknown) => void} */
  let reply = () => {};
  session.ask = () => new Promise((resolve) => {
    reply = resolve;
  });
  const looking = session.refresh();
  await session.answer([0], "label", "red");
  reply(change({ still: [0] }));
  await looking;
  assert.deepEqual(words(session), [[0, "red"]]);
});

test("a state that was asked for by another person is not taken", async () => {
  const session = await open();
  replies = [state({ tasks: [] }), state({ annotator: "bea", tasks: [task(2)] })];
  const looking = session.refresh();
  await session.rename("bea");
  await looking;
  assert.deepEqual([...session.tasks.keys()], [2]);
  assert.match(asked.at(-1) ?? "", /annotator=bea$/);
});

test("an answer that is refused is open again, and undo leaves it out", async () => {
  const session = await open();
  await session.answer([0], "label", "red");
  server.isAway = true;
  await session.answer([1], "label", "gone");
  for (const [, { id }] of session.outbox?.all() ?? []) server.errors.add(id);
  server.isAway = false;
  replies = [change({ gone: [0] })];
  await session.retry();
  assert.match(session.problem ?? "", /not recorded: no such class/);
  assert.deepEqual(words(session), [[0, "red"]]);
  assert.equal(session.stack.length, 1);
});

test("another project at the same address gets no answers", async () => {
  const session = await open();
  replies = [state({ key: "other" })];
  await session.refresh();
  assert.match(session.lost ?? "", /Another project/);
  assert.deepEqual([...session.tasks.keys()], [0, 1, 2]);
});

test("answers that were lost while the server was asked are sent when it replies", async () => {
  const session = await open();
  /** @type {(reply: unknown) => void} */
  let reply = () => {};
  session.ask = () => new Promise((resolve) => {
    reply = resolve;
  });
  const looking = session.refresh();
  server.isAway = true;
  await session.answer([0], "label", "red");
  assert.equal(session.lost, "away");
  server.isAway = false;
  reply(change());
  await looking;
  assert.deepEqual([session.lost, session.outbox?.size, server.recorded.length], [null, 0, 1]);
});

test("long work is started once for all, and its file comes to the page that asked for it", async () => {
  const [ann, bob] = [await open(), await open()];
  /** @type {string[]} */
  const files = [];
  for (const session of [ann, bob]) session.addEventListener("file", (event) => files.push(/** @type {CustomEvent<string>} */ (event).detail));
  await ann.start("report");
  assert.deepEqual(told, [["api/jobs", { project: "k", task: "report", annotator: "ann" }]]);
  assert.equal(ann.job?.outcome, null);
  replies = [change({ job: job({ outcome: "done", file: "report.html" }) })];
  await ann.refresh();
  await bob.refresh();
  await ann.refresh();
  assert.deepEqual([files, bob.job?.outcome], [["report.html"], "done"]);
});

test("progress shows though nothing else is new, and an older word of the server is not taken", async () => {
  const session = await open();
  let shown = 0;
  session.addEventListener("change", () => shown++);
  replies = [{ key: "k", annotator: "ann", version: "1:e", jobs: [], job: job({ id: 2, what: "predicting" }) }];
  await session.refresh();
  assert.deepEqual([session.job?.what, shown], ["predicting", 1]);
  await session.refresh();
  assert.equal(shown, 1);
  session.hear(job({ outcome: "done" }));
  assert.equal(session.job?.id, 2);
  await session.cancel();
  assert.deepEqual(told, [["api/jobs/cancel", { project: "k", id: 2 }]]);
});
