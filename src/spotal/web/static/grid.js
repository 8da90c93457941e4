// The grid view: all items of the batch. An answer is for the marked items, or for the focused one.

/** @import { Task } from "../protocol.d.ts" */
/** @import { Session } from "./session.js" */
/** @typedef {{ element: HTMLElement, face: HTMLElement, chip: HTMLElement, content: string }} Tile */

import { chance, h, picture } from "./dom.js";
import { MOVES, move } from "./keyboard.js";
import { color } from "./marks.js";
import { spoken } from "./session.js";
import { sizes } from "./sizes.js";
import { several } from "./several.js";

const HINT = matchMedia("(hover: none)").matches
  ? "Tap to mark, then choose a class"
  : "Mark items with space or a click, then choose a class; Enter enlarges";

export class Grid {
  /** @type {Map<number, Tile>} */ tiles = new Map();
  /** @type {Set<number>} */ marked = new Set();
  wants = false; // whether to take the focus at the next update

  /**
   * @param {HTMLElement} place
   * @param {Session} session
   * @param {(number: number) => void} enlarge shows one item alone
   */
  constructor(place, session, enlarge) {
    this.place = place;
    this.session = session;
    this.enlarge = enlarge;
    this.list = h("div", { className: "grid", role: "listbox", "aria-label": "Items of the batch", "aria-multiselectable": "true" });
    this.hint = h("p", { className: "caption" });
    this.sizes = sizes();
    this.list.addEventListener("keydown", (event) => this.key(event));
  }

  open() {
    this.place.replaceChildren(this.list, this.hint);
    this.wants = true;
  }

  get targets() {
    return this.marked.size ? [...this.marked] : this.session.current === null ? [] : [this.session.current];
  }

  get obstacle() {
    const faces = this.targets.map((number) => this.tiles.get(number)?.face);
    return faces.some((face) => face instanceof HTMLImageElement && !face.naturalWidth) ? "Wait until all pictures are shown; skip those that are not" : null;
  }

  /** @param {Session} session */
  update(session) {
    const numbers = [...session.tasks.keys()];
    for (const [number, tile] of this.tiles) {
      if (session.tasks.get(number)?.content === tile.content) continue;
      tile.element.remove();
      this.tiles.delete(number);
      this.marked.delete(number);
    }
    [...session.tasks.values()].forEach((task, k) => {
      const tile = this.tiles.get(task.number) ?? this.tile(task);
      if (this.list.children[k] !== tile.element) this.list.insertBefore(tile.element, this.list.children[k] ?? null);
      this.refresh(tile, task);
    });
    const marked = this.marked.size;
    this.hint.replaceChildren(
      h("span", {}, marked ? `${marked} marked` : HINT),
      h("span", {}, `${session.open.length} of ${numbers.length} to answer`),
      this.sizes,
    );
    const now = session.current === null ? null : this.tiles.get(session.current)?.element;
    if (now && (this.wants || this.list.contains(document.activeElement))) now.focus({ preventScroll: !this.wants });
    this.wants = false;
  }

  /** @param {Task} task @returns {Tile} */
  tile(task) {
    const face = task.kind === "image" ? picture(task.small ?? "", { alt: "", loading: "lazy" }) : h("span", { className: "excerpt" }, task.text ?? task.id);
    const chip = h("span", { className: "chip" });
    const element = h("div", { className: "tile", role: "option", data: { number: task.number } }, face, chip);
    element.onclick = () => {
      this.toggle(task.number);
      this.session.go(task.number);
    };
    element.ondblclick = () => {
      this.marked.clear();
      this.enlarge(task.number);
    };
    const tile = { element, face, chip, content: task.content };
    this.tiles.set(task.number, tile);
    return tile;
  }

  /** @param {Tile} tile @param {import("./session.js").Shown} task */
  refresh({ element, chip: place }, task) {
    const { words, current, state } = this.session;
    const { number } = task;
    const word = words.get(number);
    const [best] = task.guess;
    let chip = best ? `${best.label}? ${chance(best.probability).replace(" ", "\u00a0")}`.trim() : "";
    const guessed = several.guessed(task.guess);
    if (several.on && guessed) chip = `${spoken(guessed)}?`;
    if (task.votes) chip = "conflict";
    if (task.elsewhere) chip = "answered";
    if (word) chip = spoken(word);
    place.textContent = chip;
    place.className = "chip";
    if (word) place.classList.add("done");
    if (word?.kind === "label") place.classList.add(color(several.place(word.label, state?.classes ?? [])));
    element.classList.toggle("answered", Boolean(word || task.elsewhere));
    element.classList.toggle("now", number === current);
    element.tabIndex = number === current ? 0 : -1;
    element.setAttribute("aria-selected", String(this.marked.has(number)));
    element.setAttribute("aria-label", `${task.text?.slice(0, 80) ?? task.id}${chip ? `, ${chip}` : ""}`);
  }

  /** @param {number} number */
  toggle(number) {
    if (!this.marked.delete(number)) this.marked.add(number);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { current } = this.session;
    if (current === null) return;
    if (event.key === " ") {
      this.toggle(current);
      this.update(this.session);
    } else if (event.key === "Enter") {
      if (several.dirty) return; // Enter confirms the answer
      this.enlarge(current);
    }
    else if (event.key === "Escape") {
      this.marked.clear();
      this.update(this.session);
    } else if (MOVES.has(event.key)) this.move(event.key, current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} key @param {number} current */
  move(key, current) {
    const numbers = [...this.session.tasks.keys()];
    const to = move(key, { at: numbers.indexOf(current), count: numbers.length, columns: this.columns() });
    const number = to === null ? current : (numbers[to] ?? current);
    this.session.go(number);
    this.tiles.get(number)?.element.focus();
  }

  columns() {
    const tops = [...this.tiles.values()].map(({ element }) => element.offsetTop);
    return Math.max(1, tops.filter((top) => top === Math.min(...tops)).length);
  }
}
