import assert from "node:assert/strict";
import { test } from "node:test";

import { action } from "../../../src/spotal/web/static/keyboard.js";
import { several } from "../../../src/spotal/web/static/several.js";

/** @param {string} key */
const press = (key) => ({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, isComposing: false });

test("classes are toggled, and confirmed in one order; none chosen is none of these", () => {
  several.on = true;
  several.begin([4], null);
  assert.deepEqual(several.answer, { kind: "none_of_these", label: null });
  assert.equal(several.dirty, false);
  for (const name of ["green", "red", "blue", "red"]) several.toggle(name);
  assert.deepEqual(several.answer, { kind: "label", label: "blue|green" });
  assert.equal(several.dirty, true);
});

test("what was chosen stays for its items alone, and begins with what was said", () => {
  several.on = true;
  several.begin([1], null);
  several.toggle("red");
  several.begin([1], null);
  assert.deepEqual([...several.names], ["red"]);
  several.begin([2], { kind: "label", label: "blue|red" });
  assert.deepEqual([...several.names], ["blue", "red"]);
  several.begin([3], { kind: "none_of_these", label: null });
  assert.deepEqual([...several.names], []);
});

test("a guess is all classes that are likely, and none of these where none is", () => {
  several.on = true;
  const guess = [{ label: "red", probability: 0.9 }, { label: "blue", probability: 0.5 }, { label: "green", probability: 0.4 }];
  assert.deepEqual(several.guessed(guess), { kind: "label", label: "blue|red" });
  assert.deepEqual(several.guessed(guess.slice(2)), { kind: "none_of_these", label: null });
  assert.deepEqual(several.guessed([{ label: "red", probability: null }]), { kind: "label", label: "red" });
  assert.equal(several.guessed([]), undefined);
});

test("where an item has one class, a label with a bar in it is one class", () => {
  several.on = false;
  assert.deepEqual(several.parts("a|b"), ["a|b"]);
  assert.equal(several.place("a|b", ["b", "a|b"]), 1);
  assert.deepEqual(several.guessed([{ label: "a|b", probability: 0.2 }]), { kind: "label", label: "a|b" });
});

test("Enter confirms where an item may have several classes, and does nothing else", () => {
  assert.equal(action(press("Enter"), { classes: ["a", "b"] }), null);
  assert.deepEqual(action(press("Enter"), { classes: ["a", "b"], several: true }), { do: "confirm" });
  assert.equal(action(press("Enter"), { classes: ["a", "b"], several: true, typing: true }), null);
  assert.deepEqual(action(press("g"), { classes: ["a", "b"], several: true, guess: "a" }), { do: "guess" });
});
