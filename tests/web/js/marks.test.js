import assert from "node:assert/strict";
import { test } from "node:test";

import { OWN, color, look, shape } from "../../../src/spotal/web/static/marks.js";

test("no two of the first sixty classes look alike", () => {
  assert.equal(new Set(Array.from({ length: OWN }, (_, k) => look(k))).size, OWN);
  assert.equal(new Set(Array.from({ length: OWN }, (_, k) => `${color(k)} ${shape(k)}`)).size, OWN);
  assert.deepEqual([look(0), look(13), look(59)], ["c0 circle", "c3 square", "c9 cross"]);
});

test("later classes, and those that are none any more, are gray and take no other class's look", () => {
  for (const index of [OWN, 999, -1]) assert.deepEqual([look(index), color(index), shape(index)], ["c-other circle", "c-other", "circle"]);
});
