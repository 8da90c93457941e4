import assert from "node:assert/strict";
import { test } from "node:test";

import { Zoom } from "../../../src/spotal/web/static/zoom.js";

/** @type {[number, number]} */
const SIZE = [200, 100];

test("the point under the pointer stays where it is", () => {
  const zoom = new Zoom();
  const before = zoom.find([150, 20]);
  zoom.by(2, [150, 20], SIZE);
  assert.deepEqual(zoom.find([150, 20]), before);
  zoom.by(1.5, [30, 90], SIZE);
  assert.equal(zoom.scale, 3);
  const [x, y] = zoom.place(zoom.find([30, 90]));
  assert.ok(Math.abs(x - 30) < 1e-9 && Math.abs(y - 90) < 1e-9);
});

test("no part of the frame is ever empty", () => {
  const zoom = new Zoom();
  zoom.by(2, [0, 0], SIZE);
  zoom.move([50, 50], SIZE);
  assert.deepEqual(zoom.corner, [0, 0]);
  zoom.move([-1000, -1000], SIZE);
  assert.deepEqual(zoom.corner, [-200, -100]);
  zoom.by(0.5, [100, 50], SIZE);
  assert.deepEqual([zoom.scale, ...zoom.corner.map((side) => side + 0)], [1, 0, 0]);
});

test("it is never smaller than the frame, nor larger than it may be", () => {
  const zoom = new Zoom(4);
  zoom.by(0.1, [10, 10], SIZE);
  assert.deepEqual([zoom.scale, zoom.isOn], [1, false]);
  zoom.by(100, [10, 10], SIZE);
  assert.deepEqual([zoom.scale, zoom.isOn], [4, true]);
  zoom.reset();
  assert.deepEqual([zoom.scale, ...zoom.corner], [1, 0, 0]);
});
