import assert from "node:assert/strict";
import { test } from "node:test";

import { capital, isRunning, result, step, timeLeft } from "../../../src/spotal/web/static/jobs.js";
import { job } from "./fakes.js";

test("a step says how much of it is done where that is known", () => {
  assert.equal(step(job()), "Starting");
  assert.equal(step(job({ what: "predicting" })), "Predicting");
  assert.equal(step(job({ what: "embedding images", done: 1200, total: 4000 })), "Embedding images: 1,200 of 4,000");
});

test("the time left is rounded, and nothing is said where it is not known", () => {
  const words = [null, 0, 4, 61, 200, 4000, 9000].map((left) => timeLeft(job({ left })));
  assert.deepEqual(words, [
    "", "A few seconds left", "A few seconds left", "About 65 seconds left", "About 3 minutes left",
    "About 67 minutes left", "About 2.5 hours left",
  ]);
});

test("how a job ended is one sentence; a new batch speaks for itself", () => {
  assert.equal(result(job()), "");
  assert.equal(result(job({ outcome: "done", sentence: "round 2 has 4 items" })), "");
  assert.equal(result(job({ task: "train", outcome: "done", sentence: "it is trained" })), "It is trained.");
  assert.equal(result(job({ outcome: "failed", sentence: "no disk; free it." })), "Choosing the next batch failed: no disk; free it.");
  assert.equal(result(job({ outcome: "canceled", sentence: "all is kept" })), "Canceled: all is kept.");
  assert.equal(result(job({ outcome: "finished", sentence: "the budget is spent" })), "Nothing was chosen: the budget is spent.");
});

test("a job runs until it has an outcome", () => {
  assert.deepEqual([null, job(), job({ outcome: "failed" })].map(isRunning), [false, true, false]);
  assert.equal(capital(""), "");
});
