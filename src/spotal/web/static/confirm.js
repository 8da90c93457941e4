// Suggestions: a strip of unlabeled items that the model is sure of and that look like a labeled item, to confirm at once.

/** @import { Item, Strip, Suggestions } from "../protocol.d.ts" */
/** @import { Session } from "./session.js" */

import { get } from "./api.js";
import { breakable, count, h, percent, picture } from "./dom.js";
import { color } from "./marks.js";
import { several } from "./several.js";

export class Confirm {
  /** @type {Strip[]} the strip shown, then those that follow */
  strips = [];
  sure = 0;
  /** @type {Set<number>} items of the strip that the person left out */
  out = new Set();
  /** @type {Set<number>} items that were left out or put off; they are not shown again until the page is reloaded */
  passed = new Set();
  /** @type {Map<number, HTMLButtonElement>} */ tiles = new Map();
  /** @type {Strip | null} the strip shown */
  shown = null;
  /** @type {string | null} why an answer must wait */
  obstacle = null;
  /** @type {number[]} items that the class buttons answer: none here */
  targets = [];
  asked = 0;
  wholes = 0; // number of full states at the last request
  loading = false;

  /** @param {HTMLElement} place @param {Session} session */
  constructor(place, session) {
    this.place = place;
    this.session = session;
    this.box = h("div", { className: "confirm" });
    this.yes = h("button", { type: "button", className: "primary", onclick: () => this.confirm() });
    this.no = h("button", { type: "button", className: "plain", onclick: () => this.pass() }, "Not now");
  }

  open() {
    this.place.replaceChildren(this.box);
    this.load();
  }

  /** Ask the server for strips. */
  async load() {
    const asked = ++this.asked;
    this.loading = true;
    this.wholes = this.session.wholes;
    /** @type {Suggestions | null} */
    const reply = await get("api/suggestions").catch(() => null); // the banner shows that the server is lost
    if (asked !== this.asked) return;
    this.loading = false;
    this.sure = reply?.sure ?? 0;
    this.strips = (reply?.strips ?? []).flatMap((strip) => {
      const items = strip.items.filter(({ number }) => !this.passed.has(number) && !this.session.words.has(number));
      return items.length ? [{ ...strip, items }] : [];
    });
    this.show();
  }

  /** Show the first strip. */
  show() {
    const [strip] = this.strips;
    this.shown = strip ?? null;
    this.out.clear();
    this.tiles.clear();
    if (!strip) {
      const isLost = this.session.lost !== null;
      this.box.replaceChildren(
        h("h2", {}, isLost ? "Suggestions come when the server is back" : "Nothing to confirm now"),
        h("p", {}, "An item is shown here if the model is sure of its class and it looks like a labeled item with that class. The model must be right about at least half of the items that measure accuracy. After the next training there can be more."),
      );
      return;
    }
    const { label, like, items } = strip;
    this.tiles = new Map(items.map((item) => [item.number, this.tile(item)]));
    const index = several.place(label, this.session.state?.classes ?? []);
    const called = several.phrase(label);
    this.box.replaceChildren(
      h("h2", {}, "Are all of these ", h("b", { className: `named ${color(index)}` }, breakable(called)), "?"),
      h("p", { className: "note" }, "Click an item to leave it out: it stays unlabeled. The others are recorded as your answers."),
      h(
        "div",
        { className: "strip" },
        h("figure", { className: "like" }, face(like), h("figcaption", {}, "Labeled ", breakable(called))),
        h("div", { className: "grid", role: "group", "aria-label": `Look-alikes, suggested as ${called}` }, [...this.tiles.values()]),
      ),
      h("div", { className: "choices" }, this.yes, this.no),
      h("p", { className: "note" }, `For each item, the model gives ${several.on ? "each of these classes, and the absence of every other," : "this class"} a probability of ${percent(this.sure)} or more, and the labeled item shown is the most similar one. Each is recorded as your answer and marked as a confirmed suggestion. This uses no budget. Items that measure accuracy and items of the batch are never suggested.`),
    );
    this.refresh();
    this.yes.focus({ preventScroll: true });
  }

  /** @param {Item} item */
  tile(item) {
    const { number, id, text } = item;
    const tile = h("button", { type: "button", className: "tile", title: id, data: { number }, "aria-label": text?.slice(0, 80) ?? id }, face(item));
    tile.onclick = () => {
      if (!this.out.delete(number)) this.out.add(number);
      this.refresh();
    };
    return tile;
  }

  refresh() {
    const { shown } = this;
    if (!shown) return;
    for (const [number, tile] of this.tiles) tile.setAttribute("aria-pressed", String(!this.out.has(number)));
    const n = shown.items.length - this.out.size;
    this.yes.textContent = `Confirm ${count(n, "item")} as ${several.phrase(shown.label)}`;
    this.yes.disabled = !n || this.session.saving;
  }

  /** @param {Session} session */
  update(session) {
    if (!this.shown && !this.loading && this.wholes !== session.wholes) this.load(); // a new model, or the server is back
    this.refresh();
  }

  /** Record answers to the items that are not left out. */
  async confirm() {
    const { shown } = this;
    if (!shown || this.session.saving) return;
    const pictures = [...this.tiles].filter(([number]) => !this.out.has(number)).map(([, tile]) => tile.querySelector("img"));
    if (pictures.some((image) => image && !image.naturalWidth)) {
      this.session.problem = "Wait until all pictures are shown, or leave out those that are not.";
      this.session.changed();
      return;
    }
    this.session.problem = null;
    const confirmed = shown.items.filter(({ number }) => !this.out.has(number));
    const contents = new Map(confirmed.map(({ number, content }) => [number, content]));
    for (const number of this.out) this.passed.add(number);
    await this.session.answer([...contents.keys()], "label", shown.label, contents, true);
    this.next();
  }

  /** Put the strip off, and show the next one. */
  pass() {
    for (const { number } of this.shown?.items ?? []) this.passed.add(number);
    this.next();
  }

  next() {
    this.strips.shift();
    if (this.strips.length) this.show();
    else this.load();
  }
}

/** @param {Item} item */
const face = ({ kind, small, text, id }) => (kind === "image" ? picture(small ?? "", { alt: "" }) : h("span", { className: "excerpt" }, text ?? id));
