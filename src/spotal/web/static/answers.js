// The answer buttons: a key for each of the first ten classes, a field to find one among many.

/** @import { Guess, Kind, Word } from "../protocol.d.ts" */
/** @typedef {(kind: Kind | "undo" | "back" | "next", label?: string) => void} Act what happens when something was chosen */

import { h, percent } from "./dom.js";
import { classKey, needsFinder } from "./keyboard.js";

export const COLORS = 10;
/** @param {number} index */
export const color = (index) => `c${index % COLORS}`;

export class Answers {
  /** @type {HTMLInputElement | null} */
  field = null;

  /**
   * @param {HTMLElement} place
   * @param {string[]} classes
   * @param {Act} act
   */
  constructor(place, classes, act) {
    this.act = act;
    this.classes = classes;
    this.buttons = classes.map((name, k) => this.button(name, k));
    const buttons = this.buttons.map(({ button }) => button);
    this.list = h("div", { className: "classes", role: "group", "aria-label": "Classes" }, buttons);
    this.none = action("None of these", "n", () => act("none_of_these"));
    this.skip = action("Skip", "s", () => act("skip"));
    this.other = h(
      "div",
      { className: "other" },
      this.none,
      this.skip,
      action("Undo", "u", () => act("undo")),
      action("Back", "←", () => act("back")),
      action("Next", "→", () => act("next")),
    );
    place.replaceChildren(...(needsFinder(classes) ? [this.finder()] : []), this.list, this.other);
  }

  /**
   * @param {string} name
   * @param {number} k
   */
  button(name, k) {
    const guess = h("span", { className: "guess" });
    const key = classKey(k);
    const button = h(
      "button",
      { type: "button", className: `class ${color(k)}`, title: name, onclick: () => this.act("label", name) },
      key && h("kbd", { "aria-hidden": "true" }, key),
      h("span", { className: "dot", "aria-hidden": "true" }),
      h("span", { className: "label" }, name),
      guess,
    );
    if (key) button.setAttribute("aria-keyshortcuts", key);
    return { name, button, guess };
  }

  /** Type a part of a class's name; Enter takes the first that is left. */
  finder() {
    const field = h("input", {
      type: "search",
      placeholder: "Find a class ( / )",
      "aria-label": "Find a class; Enter takes the first that is left",
      autocomplete: "off",
      oninput: () => this.narrow(),
      onkeydown: (event) => {
        if (event.key === "Escape") this.clear();
        if (event.key === "Enter") {
          const first = this.buttons.find(({ button }) => !button.hidden);
          if (first && field.value) this.act("label", first.name);
          this.clear();
        }
      },
    });
    this.field = field;
    return h("div", { className: "finder" }, field);
  }

  find() {
    this.field?.focus();
  }

  clear() {
    if (!this.field) return;
    this.field.value = "";
    this.narrow();
    this.field.blur();
  }

  narrow() {
    const wanted = this.field?.value.trim().toLowerCase() ?? "";
    for (const { name, button } of this.buttons) button.hidden = !name.toLowerCase().includes(wanted);
  }

  /**
   * Show what the model guesses and what was answered; `off` where nothing can be.
   * @param {{ guess?: Guess[], word?: Word | null, off?: boolean }} now
   */
  update({ guess = [], word = null, off = false }) {
    const shares = new Map(guess.map(({ label, probability }) => [label, probability]));
    for (const { name, button, guess: place } of this.buttons) {
      const share = shares.get(name);
      button.disabled = off;
      button.setAttribute("aria-pressed", String(word?.kind === "label" && word.label === name));
      button.classList.toggle("guessed", guess[0]?.label === name);
      place.textContent = share === undefined ? "" : share === null ? "suggested" : percent(share);
    }
    for (const button of [this.none, this.skip]) button.disabled = off;
    this.none.setAttribute("aria-pressed", String(word?.kind === "none_of_these"));
    this.skip.setAttribute("aria-pressed", String(word?.kind === "skip"));
  }
}

/**
 * @param {string} name
 * @param {string} key
 * @param {() => void} onclick
 */
function action(name, key, onclick) {
  return h("button", { type: "button", className: "plain", onclick }, h("kbd", { "aria-hidden": "true" }, key), name);
}
