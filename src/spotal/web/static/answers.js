// The answer buttons: a key for each of the first ten classes, a field to find one among many.

import { h, percent } from "./dom.js";

const KEYS = "1234567890";
export const COLORS = 10;
export const color = (index) => `c${index % COLORS}`;

export class Answers {
  /** `act(kind, label)` is called with what was chosen. */
  constructor(place, classes, act) {
    this.act = act;
    this.classes = classes;
    this.buttons = classes.map((name, k) => this.button(name, k));
    this.list = h("div", { className: "classes", role: "group", "aria-label": "Classes" }, this.buttons);
    this.other = h(
      "div",
      { className: "other" },
      action("None of these", "n", () => act("none_of_these")),
      action("Skip", "s", () => act("skip")),
      action("Undo", "u", () => act("undo")),
      action("Back", "←", () => act("back")),
      action("Next", "→", () => act("next")),
    );
    place.replaceChildren(...(classes.length > KEYS.length ? [this.finder()] : []), this.list, this.other);
  }

  button(name, k) {
    const guess = h("span", { className: "guess" });
    const key = k < KEYS.length ? h("kbd", { "aria-hidden": "true" }, KEYS[k]) : null;
    const button = h(
      "button",
      { type: "button", className: `class ${color(k)}`, title: name, onclick: () => this.act("label", name) },
      key,
      h("span", { className: "dot", "aria-hidden": "true" }),
      h("span", { className: "label" }, name),
      guess,
    );
    if (key) button.setAttribute("aria-keyshortcuts", KEYS[k]);
    return button;
  }

  /** Type a part of a class's name; Enter takes the first that is left. */
  finder() {
    this.field = h("input", {
      type: "search",
      placeholder: "Find a class ( / )",
      "aria-label": "Find a class; Enter takes the first that is left",
      autocomplete: "off",
      oninput: () => this.narrow(),
      onkeydown: (event) => {
        if (event.key === "Escape") this.clear();
        if (event.key === "Enter") {
          const first = this.buttons.findIndex((button) => !button.hidden);
          if (first >= 0 && this.field.value) this.act("label", this.classes[first]);
          this.clear();
        }
      },
    });
    return h("div", { className: "finder" }, this.field);
  }

  /** The class of a key, if it is one's. */
  of(key) {
    return key ? this.classes[KEYS.indexOf(key)] : undefined;
  }

  find() {
    this.field?.focus();
  }

  clear() {
    this.field.value = "";
    this.narrow();
    this.field.blur();
  }

  narrow() {
    const wanted = this.field.value.trim().toLowerCase();
    this.buttons.forEach((button, k) => {
      button.hidden = !this.classes[k].toLowerCase().includes(wanted);
    });
  }

  /** Show what the model guesses and what was answered. */
  update({ guess = [], word = null, off = false }) {
    const shares = new Map(guess.map(({ label, probability }) => [label, probability]));
    this.buttons.forEach((button, k) => {
      const share = shares.get(this.classes[k]);
      button.disabled = off;
      button.setAttribute("aria-pressed", String(word?.kind === "label" && word.label === this.classes[k]));
      button.classList.toggle("guessed", guess[0]?.label === this.classes[k]);
      button.querySelector(".guess").textContent = share === undefined ? "" : share === null ? "suggested" : percent(share);
    });
    const [none, skip] = this.other.children;
    for (const [button, kind] of [[none, "none_of_these"], [skip, "skip"]]) {
      button.disabled = off;
      button.setAttribute("aria-pressed", String(word?.kind === kind));
    }
  }
}

function action(name, key, onclick) {
  return h("button", { type: "button", className: "plain", onclick }, h("kbd", { "aria-hidden": "true" }, key), name);
}
