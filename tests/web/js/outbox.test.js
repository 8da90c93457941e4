import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Lost } from "../../../src/spotal/web/static/api.js";
import { Outbox, newId } from "../../../src/spotal/web/static/outbox.js";
import { Server, Shelf, answer } from "./fakes.js";

let server = new Server();
let storage = new Shelf();

beforeEach(() => {
  server = new Server();
  storage = new Shelf();
});

/** An outbox as a tab has it, or as the page has it when it was loaded anew. */
const open = (project = "p") => new Outbox(project, { storage, send: server.post });

/** @param {Outbox} outbox */
const waiting = (outbox) => outbox.all().map(([, { id }]) => id);

test("an answer leaves when the server has it, and what was said to it is returned", async () => {
  const outbox = open();
  outbox.put(answer("a", 4));
  assert.deepEqual(waiting(outbox), ["a"]);
  const said = await outbox.flush();
  assert.deepEqual(said.get("a"), { id: "a", item: 4, now: { kind: "label", label: "red" } });
  assert.equal(outbox.size, 0);
  assert.equal(storage.length, 0);
});

test("answers wait while the server is away, and are sent in their order when it is back", async () => {
  const outbox = open();
  server.isAway = true;
  for (const id of ["c", "a", "b"]) {
    outbox.put(answer(id));
    await assert.rejects(outbox.flush(), Lost);
  }
  assert.deepEqual(waiting(outbox), ["c", "a", "b"]);
  assert.deepEqual(server.recorded, []);
  server.isAway = false;
  await outbox.flush();
  assert.deepEqual(server.ids, ["c", "a", "b"]);
  assert.deepEqual(server.requests, [["c", "a", "b"]]);
});

test("the order is kept when the clock is set back, and when the page is loaded anew meanwhile", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  open().put(answer("a"));
  t.mock.timers.setTime(5_000);
  const outbox = open();
  outbox.put(answer("b"));
  outbox.put(answer("c"));
  assert.deepEqual(waiting(outbox), ["a", "b", "c"]);
  t.mock.timers.setTime(2_000_000);
  outbox.put(answer("d"));
  assert.deepEqual(waiting(open()), ["a", "b", "c", "d"]);
});

test("an answer whose reply got lost is sent again and recorded once", async () => {
  const outbox = open();
  outbox.put(answer("a"));
  server.losesReply = true;
  await assert.rejects(outbox.flush(), Lost);
  assert.deepEqual(waiting(outbox), ["a"]);
  server.losesReply = false;
  outbox.put(answer("b"));
  await outbox.flush();
  assert.deepEqual(server.requests, [["a"], ["a", "b"]]);
  assert.deepEqual(server.ids, ["a", "b"]);
  assert.equal(outbox.size, 0);
});

test("many answers are sent in parts, and a part that arrived is not sent again", async () => {
  const outbox = open();
  const ids = Array.from({ length: 250 }, (_, k) => `id${k}`);
  for (const id of ids) outbox.put(answer(id));
  const send = mock.method(server, "record");
  outbox.post = async (path, body) => {
    if (server.requests.length === 1) server.isAway = true; // after the first part
    return server.post(path, body);
  };
  await assert.rejects(outbox.flush(), Lost);
  assert.equal(outbox.size, 150);
  outbox.post = server.post;
  server.isAway = false;
  await outbox.flush();
  assert.deepEqual(server.requests.map((part) => part.length), [100, 100, 50]);
  assert.equal(send.mock.callCount(), 250);
  assert.deepEqual(server.ids, ids);
});

test("a page that is loaded anew has what waited, and nothing of another project", async () => {
  open().put(answer("a"));
  open("q").put(answer("z"));
  storage.setItem("spotal-page/view", "grid");
  storage.setItem("spotal/p2/000-a", JSON.stringify(answer("y"))); // of a project whose key begins alike
  const again = open();
  assert.deepEqual(waiting(again), ["a"]);
  await again.flush();
  assert.deepEqual(server.ids, ["a"]);
  assert.deepEqual(waiting(open("q")), ["z"]);
  assert.equal(storage.length, 3);
});

test("any tab sends what another one left", async () => {
  const first = open();
  const second = open();
  server.isAway = true;
  first.put(answer("a"));
  second.put(answer("b", 1));
  assert.deepEqual(waiting(first).sort(), ["a", "b"]);
  server.isAway = false;
  await second.flush();
  assert.deepEqual(server.ids.sort(), ["a", "b"]);
  assert.equal(first.size, 0);
  await first.flush();
  assert.equal(server.requests.length, 1);
});

test("two tabs that send at once record each answer once", async () => {
  const first = open();
  const second = open();
  first.put(answer("a"));
  first.put(answer("b"));
  await Promise.all([first.flush(), second.flush()]);
  assert.deepEqual(server.ids, ["a", "b"]);
  assert.equal(storage.length, 0);
});

test("two calls of flush in one tab send nothing twice", async () => {
  const outbox = open();
  outbox.put(answer("a"));
  const first = outbox.flush();
  outbox.put(answer("b"));
  const [, said] = await Promise.all([first, outbox.flush()]);
  assert.deepEqual(server.requests.flat(), ["a", "b"]);
  assert.deepEqual([...said.keys()], ["a", "b"]);
});

test("a call of flush that waited for one that failed tries for itself", async () => {
  const outbox = open();
  outbox.put(answer("a"));
  let tries = 0;
  outbox.post = async (path, body) => {
    if (tries++ === 0) throw new Lost("away");
    return server.post(path, body);
  };
  const [first, second] = await Promise.allSettled([outbox.flush(), outbox.flush()]);
  assert.deepEqual([first.status, second.status, tries], ["rejected", "fulfilled", 2]);
  assert.deepEqual(server.ids, ["a"]);
});

test("an answer that cannot be recorded is handed back and holds up no other", async () => {
  const outbox = open();
  for (const id of ["a", "bad", "b"]) outbox.put(answer(id));
  server.errors.add("bad");
  await outbox.flush();
  assert.deepEqual(server.ids, ["a", "b"]);
  assert.deepEqual(outbox.refused.map(({ error, answer: { id } }) => [id, error]), [["bad", "no such class"]]);
  assert.equal(outbox.size, 0);
});

test("the one answer for which a whole request is refused is found", async () => {
  const outbox = open();
  for (const id of ["a", "b", "bad", "c"]) outbox.put(answer(id));
  server.malformed.add("bad");
  await outbox.flush();
  assert.deepEqual(server.ids, ["a", "b", "c"]);
  assert.deepEqual(outbox.refused.map(({ answer: { id } }) => id), ["bad"]);
  assert.equal(outbox.size, 0);
});

test("what is no answer of ours in the storage holds up no answer", async () => {
  storage.setItem("spotal/p/0", "no JSON");
  storage.setItem("spotal/p/1", "null");
  const outbox = open();
  outbox.put(answer("a"));
  await outbox.flush();
  assert.deepEqual(server.ids, ["a"]);
});

test("where the browser keeps nothing, answers wait in memory and the outbox says so", async () => {
  storage.isFull = true;
  for (const outbox of [open(), new Outbox("p", { storage: null, send: server.post })]) {
    assert.equal(outbox.fragile, false);
    server.isAway = true;
    outbox.put(answer("a"));
    await assert.rejects(outbox.flush(), Lost);
    assert.equal(outbox.fragile, true);
    assert.deepEqual(waiting(outbox), ["a"]);
    server.isAway = false;
    await outbox.flush();
    assert.equal(outbox.fragile, false);
    assert.equal(outbox.size, 0);
  }
  assert.deepEqual(server.ids, ["a"]);
});

test("what waits in memory and what the browser keeps are sent in one order", async () => {
  const outbox = open();
  for (const id of ["a", "b", "c"]) {
    storage.isFull = id === "b";
    outbox.put(answer(id));
  }
  await outbox.flush();
  assert.deepEqual(server.ids, ["a", "b", "c"]);
});

test("ids are 32 hexadecimal digits, and no two are the same", () => {
  const ids = Array.from({ length: 100 }, newId);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(new Set(ids).size, 100);
});
