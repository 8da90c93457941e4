import assert from "node:assert/strict";
import { test } from "node:test";

import { HELP, action, classKey, isTyping, move, needsFinder } from "../../../src/spotal/web/static/keyboard.js";

/** @import { Key } from "../../../src/spotal/web/static/keyboard.js" */

/** @param {number} n */
const names = (n) => Array.from({ length: n }, (_, k) => `class ${k + 1}`);

/**
 * @param {string} key
 * @param {Partial<Key>} [more]
 * @returns {Key}
 */
const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, isComposing: false, ...more });

const three = { classes: ["red", "green", "blue"], guess: "green" };

/** @param {string} label */
const label = (label) => ({ do: "answer", kind: "label", label });

test("number keys are the first ten classes, 0 the tenth, and no further class has one", () => {
  const now = { classes: names(12) };
  for (let k = 1; k <= 9; k++) assert.deepEqual(action(press(String(k)), now), label(`class ${k}`));
  assert.deepEqual(action(press("0"), now), label("class 10"));
  assert.deepEqual(names(12).map((_, k) => classKey(k)).slice(8), ["9", "0", null, null]);
});

test("number keys without a class do nothing", () => {
  for (const key of ["4", "9", "0"]) assert.equal(action(press(key), three), null);
  assert.equal(action(press("1"), { classes: [] }), null);
});

test("letters and arrows do what the help says", () => {
  assert.deepEqual(action(press("g"), three), label("green"));
  assert.deepEqual(action(press("n"), three), { do: "answer", kind: "none_of_these", label: null });
  assert.deepEqual(action(press("s"), three), { do: "answer", kind: "skip", label: null });
  assert.deepEqual(action(press("u"), three), { do: "undo" });
  assert.deepEqual(action(press("v"), three), { do: "view" });
  assert.deepEqual(action(press("ArrowLeft"), three), { do: "back" });
  assert.deepEqual(action(press("ArrowRight"), three), { do: "next" });
  assert.deepEqual(action(press("?"), three), { do: "help" });
  const told = new Set(HELP.flatMap(([keys]) => keys?.split(" ") ?? []));
  for (const key of ["g", "n", "s", "u", "v", "?", "/", "←", "→"]) assert.ok(told.has(key), key);
});

test("keys that mean nothing are left to the browser", () => {
  for (const key of ["x", "Tab", "Enter", " ", "F5", "Escape", "ArrowUp", "Shift", "Dead"]) {
    assert.equal(action(press(key), three), null, key);
  }
});

test("the guess is taken only where there is one", () => {
  assert.equal(action(press("g"), { classes: ["red"] }), null);
});

test("a slash looks for a class only where there are more than keys", () => {
  assert.deepEqual(action(press("/"), { classes: names(11) }), { do: "find" });
  assert.equal(action(press("/"), { classes: names(10) }), null);
  assert.deepEqual([10, 11, 1_000].map((n) => needsFinder(names(n))), [false, true, true]);
});

test("no key answers with a modifier, held down, or while a letter is being composed", () => {
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { repeat: true }, { isComposing: true }]) {
    for (const key of ["1", "u", "g", "s", "?", "ArrowRight"]) assert.equal(action(press(key, more), three), null);
  }
});

test("Shift and Caps Lock change nothing: digits need Shift on some keyboards", () => {
  assert.deepEqual(action(press("2"), three), label("green"));
  assert.deepEqual(action(press("U"), three), { do: "undo" });
});

test("nothing is answered while one types, or a dialog is open", () => {
  for (const key of ["1", "u", "?", "/", "ArrowLeft"]) assert.equal(action(press(key), { ...three, typing: true }), null);
});

test("with single keys switched off only the help has a key", () => {
  const off = { ...three, single: false };
  for (const key of ["1", "g", "n", "s", "u", "v", "ArrowLeft", "ArrowRight"]) assert.equal(action(press(key), off), null);
  assert.deepEqual(action(press("?"), off), { do: "help" });
});

test("keys in fields, choices, dialogs and editable text are typing", () => {
  /** @param {string} tag */
  const within = (tag) => ({ closest: (/** @type {string} */ selector) => (selector.split(", ").includes(tag) ? {} : null) });
  for (const tag of ["input", "textarea", "select", "dialog", "[contenteditable]"]) assert.equal(isTyping(within(tag)), true);
  assert.equal(isTyping(within("button")), false);
  assert.equal(isTyping({}), false); // the document itself
  assert.equal(isTyping(null), false);
});

test("arrows, Home and End go through a grid and stop at its edges", () => {
  const grid = { count: 7, columns: 3 }; // 0 1 2 / 3 4 5 / 6
  /** @type {(key: string, at: number) => number | null} */
  const from = (key, at) => move(key, { ...grid, at });
  assert.deepEqual([from("ArrowRight", 2), from("ArrowRight", 6)], [3, null]);
  assert.deepEqual([from("ArrowLeft", 3), from("ArrowLeft", 0)], [2, null]);
  assert.deepEqual([from("ArrowDown", 3), from("ArrowDown", 4)], [6, null]);
  assert.deepEqual([from("ArrowUp", 6), from("ArrowUp", 2)], [3, null]);
  assert.deepEqual([from("Home", 4), from("End", 4)], [0, 6]);
  for (const key of ["a", "toString", "PageDown"]) assert.equal(from(key, 3), null);
});
