// The answer buttons: a key for each of the first ten classes, and a field to find a class by its name.

/** @import { Guess, Kind, Word } from "../protocol.d.ts" */
/** @typedef {(kind: Kind | "undo" | "back" | "next" | "confirm", label?: string) => void} Act called when a button is pressed */

import { breakable, h, longestWord, percent, say } from "./dom.js";
import { prepare, search } from "./fuzzy.js";
import { classKey, needsFinder } from "./keyboard.js";
import { color, look } from "./marks.js";
import { likely, several } from "./several.js";

const BESIDE = 121; // width in pixels of all parts of a button except its label

export class Answers {
  /** @type {HTMLInputElement | null} */ field = null;
  /** @type {HTMLElement | null} */ message = null;
  /** @type {number[]} indices of the classes shown, in their order */
  order = [];
  /** @type {number | null} position in `order` of the class that Enter takes */
  chosen = null;

  /** @param {HTMLElement} place @param {string[]} classes @param {Act} act */
  constructor(place, classes, act) {
    this.act = act;
    this.classes = classes;
    this.buttons = classes.map((name, k) => this.button(name, k));
    this.names = classes.map(prepare);
    const buttons = this.buttons.map(({ button }) => button);
    this.list = h("div", { className: "classes", role: "group", "aria-label": "Classes" }, buttons);
    this.none = action("None of these", "n", () => act("none_of_these"));
    this.skip = action("Skip", "s", () => act("skip"));
    this.confirm = several.on ? action("Save", "↵", () => act("confirm"), "primary") : null;
    this.other = h(
      "div",
      { className: "other" },
      this.confirm,
      this.none,
      this.skip,
      action("Undo", "u", () => act("undo")),
      action("Back", "←", () => act("back")),
      action("Next", "→", () => act("next")),
    );
    place.replaceChildren(...(needsFinder(classes) ? this.finder() : []), this.list, this.other);
    this.narrow();
    const label = this.list.querySelector(".label");
    if (label) this.list.style.setProperty("--word", `${BESIDE + longestWord(classes, label)}px`);
  }

  /** @param {string} name @param {number} k */
  button(name, k) {
    const guess = h("span", { className: "guess" });
    const key = classKey(k);
    const button = h(
      "button",
      { type: "button", className: `class ${color(k)}`, title: name, onclick: () => this.take(name) },
      key && h("kbd", { "aria-hidden": "true" }, key),
      h("span", { className: `dot ${look(k)}`, "aria-hidden": "true" }),
      h("span", { className: "label" }, breakable(name)),
      guess,
    );
    if (key) button.setAttribute("aria-keyshortcuts", key);
    return { name, button, guess };
  }

  /** Make the search field: Enter takes the best match, arrow keys choose another. */
  finder() {
    const field = h("input", {
      type: "search",
      placeholder: `Find one of ${this.classes.length.toLocaleString("en")} classes`,
      "aria-label": "Find a class; Enter takes the best match, arrow keys choose another",
      "aria-keyshortcuts": "/",
      autocomplete: "off",
      spellcheck: false,
      oninput: () => this.narrow(),
      onkeydown: (event) => this.key(event),
    });
    this.field = field;
    this.message = h("p", { className: "note", role: "status", hidden: true });
    return [h("div", { className: "finder" }, field, h("kbd", { "aria-hidden": "true" }, "/")), this.message];
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") this.clear();
    else if (event.key === "Enter") {
      const name = this.chosen === null ? undefined : this.classes[this.order[this.chosen] ?? -1];
      if (name !== undefined) this.take(name);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (this.chosen !== null) this.choose(this.chosen + (event.key === "ArrowDown" ? 1 : -1), true);
    } else return;
    event.preventDefault();
  }

  /** @param {string} name */
  take(name) {
    this.act("label", name);
    this.clear();
  }

  find() {
    this.field?.focus();
  }

  clear() {
    if (!this.field || (!this.field.value && document.activeElement !== this.field)) return;
    this.field.value = "";
    this.narrow();
    this.field.blur();
  }

  /** Show the classes that match the typed text, the best first. */
  narrow() {
    const typed = this.field?.value.trim() ?? "";
    this.order = search(typed, this.names);
    const shows = new Set(this.order);
    this.buttons.forEach(({ button }, k) => {
      button.hidden = !shows.has(k);
    });
    this.list.append(...this.order.flatMap((k) => this.buttons[k]?.button ?? []));
    this.list.scrollTop = 0;
    this.choose(typed && this.order.length ? 0 : null);
    if (!this.message) return;
    this.message.hidden = !typed || this.order.length > 0;
    this.message.textContent = this.message.hidden ? "" : `No class matches “${typed}”.`;
  }

  /** Mark the class that Enter takes. @param {number | null} at its position in `order` @param {boolean} [aloud] */
  choose(at, aloud = false) {
    this.chosen = at === null ? null : Math.max(0, Math.min(at, this.order.length - 1));
    const now = this.chosen === null ? undefined : this.buttons[this.order[this.chosen] ?? -1];
    for (const one of this.buttons) one.button.classList.toggle("chosen", one === now);
    if (!now || !aloud) return;
    now.button.scrollIntoView({ block: "nearest" });
    say(now.name);
  }

  /**
   * Show the guesses of the model and the answer. `off` disables the buttons.
   * @param {{ guess?: Guess[], word?: Word | null, off?: boolean }} now
   */
  update({ guess = [], word = null, off = false }) {
    const chosen = several.on ? several.names : new Set(word?.kind === "label" ? [word.label] : []);
    const shares = new Map(guess.map(({ label, probability }) => [label, probability]));
    for (const { name, button, guess: place } of this.buttons) {
      const share = shares.get(name);
      button.disabled = off;
      button.setAttribute("aria-pressed", String(chosen.has(name)));
      button.classList.toggle("guessed", several.on ? guess.some((one) => one.label === name && likely(one)) : guess[0]?.label === name);
      place.textContent = share === undefined ? "" : share === null ? "suggested" : percent(share);
    }
    for (const button of [this.none, this.skip]) button.disabled = off;
    if (this.confirm) {
      const title = several.names.size ? `Save ${[...several.names].join(", ")}` : "Save: none of these";
      this.confirm.disabled = off;
      if (this.confirm.lastChild) this.confirm.lastChild.textContent = several.names.size ? "Save" : "Save: none";
      this.confirm.title = title;
      this.confirm.setAttribute("aria-label", title);
    }
    this.none.setAttribute("aria-pressed", String(word?.kind === "none_of_these"));
    this.skip.setAttribute("aria-pressed", String(word?.kind === "skip"));
  }
}

/** @param {string} name @param {string} key @param {() => void} onclick */
function action(name, key, onclick, className = "plain") {
  return h("button", { type: "button", className, onclick }, h("kbd", { "aria-hidden": "true" }, key), name);
}
