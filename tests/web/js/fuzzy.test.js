import assert from "node:assert/strict";
import { test } from "node:test";

import { prepare, search } from "../../../src/spotal/web/static/fuzzy.js";

const BIRDS = [
  "Black-footed albatross", "Red-winged blackbird", "Arctic tern", "Sooty tern", "Great tit", "Grosbeak", "Müllerstraße finch",
  "Blue-winged teal", "tree_swallow", "barnSwallow",
];

/**
 * @param {string} typed
 * @param {string[]} names
 */
const found = (typed, names = BIRDS) => search(typed, names.map(prepare)).map((k) => names[k]);

test("nothing typed finds all, in their own order", () => {
  assert.deepEqual(found(""), BIRDS);
  assert.deepEqual(found("  "), BIRDS);
});

test("a part finds the names that have it, those that begin with it first", () => {
  assert.deepEqual(found("bla"), ["Black-footed albatross", "Red-winged blackbird"]);
  assert.deepEqual(found("tern"), ["Arctic tern", "Sooty tern"]);
  assert.deepEqual(found("foot"), ["Black-footed albatross"]);
  assert.deepEqual(found("bird"), ["Red-winged blackbird"]);
});

test("the whole name comes before longer ones", () => {
  assert.deepEqual(found("cat", ["catbird", "wild cat", "cat"]), ["cat", "catbird", "wild cat"]);
  assert.deepEqual(found("class 2", ["class 12", "class 20", "class 2"]).slice(0, 2), ["class 2", "class 20"]);
});

test("several parts, in any order", () => {
  assert.deepEqual(found("tern arc"), ["Arctic tern"]);
  assert.deepEqual(found("black alba"), ["Black-footed albatross"]);
  assert.deepEqual(found("black tern"), []);
});

test("initials, and letters left out", () => {
  assert.equal(found("bfa")[0], "Black-footed albatross");
  assert.equal(found("gt")[0], "Great tit");
  assert.equal(found("grsbk")[0], "Grosbeak");
});

test("slips of the finger: another letter, one too many, one too few, two swapped", () => {
  for (const typed of ["grosbaek", "grosbesk", "grossbeak", "grosbek"]) assert.equal(found(typed)[0], "Grosbeak", typed);
  assert.equal(found("albtaross")[0], "Black-footed albatross");
  assert.equal(found("sotty")[0], "Sooty tern");
});

test("what fits nothing finds nothing", () => {
  for (const typed of ["xyz", "zebra", "qqqq", "penguin"]) assert.deepEqual(found(typed), [], typed);
});

test("accents, capitals, joints and camelCase do not matter", () => {
  assert.deepEqual(found("mullerstrasse"), ["Müllerstraße finch"]);
  assert.deepEqual(found("MÜLLER"), ["Müllerstraße finch"]);
  assert.deepEqual(found("blue winged"), ["Blue-winged teal"]);
  assert.deepEqual(found("swallow"), ["tree_swallow", "barnSwallow"]);
  assert.deepEqual(found("北京", ["東京", "北京市"]), ["北京市"]);
});

test("signs alone find all", () => {
  assert.equal(found("-").length, BIRDS.length);
});

test("among a thousand names the one that is meant is found by a few letters", () => {
  const names = Array.from({ length: 1000 }, (_, k) => `${["red", "green", "blue", "gray"][k % 4]} thing number ${k}`);
  assert.equal(found("gray 999", names)[0], "gray thing number 999");
  assert.equal(found("999", names)[0], "gray thing number 999");
});
