// All items of the batch; a class goes to those that are marked, or to the one in focus.

import { color } from "./answers.js";
import { NAMES } from "./session.js";
import { chance, h } from "./dom.js";

const HINT = matchMedia("(hover: none)").matches
  ? "Tap to mark, then choose a class"
  : "Mark with space or a click, then choose a class; Enter enlarges";

export class Grid {
  /** `enlarge(number)` is called for a tile that is to be seen alone. */
  constructor(place, session, enlarge) {
    Object.assign(this, { place, session, enlarge });
    this.tiles = new Map();
    this.marked = new Set();
    this.list = h("div", { className: "grid", role: "listbox", "aria-label": "Items of the batch", "aria-multiselectable": "true" });
    this.hint = h("p", { className: "caption" });
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
    const broken = this.targets.map((number) => this.tiles.get(number)?.querySelector("img")).filter((image) => image && !image.naturalWidth);
    return broken.length ? "Wait until the pictures show; skip those that do not" : null;
  }

  update(session) {
    const numbers = [...session.tasks.keys()];
    for (const [number, tile] of this.tiles) {
      if (session.tasks.get(number)?.content === tile.content) continue;
      tile.remove();
      this.tiles.delete(number);
      this.marked.delete(number);
    }
    numbers.forEach((number, k) => {
      const tile = this.tiles.get(number) ?? this.tile(session.tasks.get(number));
      if (this.list.children[k] !== tile) this.list.insertBefore(tile, this.list.children[k] ?? null);
      this.refresh(tile, number);
    });
    const marked = this.marked.size;
    this.hint.replaceChildren(
      h("span", {}, marked ? `${marked} marked` : HINT),
      h("span", {}, `${session.open.length} of ${numbers.length} to answer`),
    );
    const now = this.tiles.get(session.current);
    if (now && (this.wants || this.list.contains(document.activeElement))) now.focus({ preventScroll: !this.wants });
    this.wants = false;
  }

  tile(task) {
    const face = task.kind === "image"
      ? h("img", { src: task.small, alt: "", loading: "lazy", onload: ({ target }) => target.classList.toggle("pixels", target.naturalWidth <= 64) })
      : h("span", { className: "excerpt" }, task.text ?? task.id);
    const tile = h(
      "div",
      { className: "tile", role: "option", data: { number: task.number } },
      face,
      h("span", { className: "chip" }),
    );
    tile.onclick = () => {
      this.toggle(task.number);
      this.session.go(task.number);
    };
    tile.ondblclick = () => {
      this.marked.clear();
      this.enlarge(task.number);
    };
    tile.content = task.content;
    this.tiles.set(task.number, tile);
    return tile;
  }

  refresh(tile, number) {
    const { words, tasks, current, state } = this.session;
    const task = tasks.get(number);
    const word = words.get(number);
    const [best] = task.guess;
    let chip = best ? `${best.label}? ${chance(best.probability)}`.trim() : "";
    if (task.votes) chip = "conflict";
    if (task.elsewhere) chip = "answered";
    if (word) chip = word.kind === "label" ? word.label : NAMES[word.kind];
    const place = tile.querySelector(".chip");
    place.textContent = chip;
    place.className = `chip ${word?.kind === "label" ? `${color(state.classes.indexOf(word.label))} done` : word ? "done" : ""}`;
    tile.classList.toggle("answered", Boolean(word || task.elsewhere));
    tile.classList.toggle("now", number === current);
    tile.tabIndex = number === current ? 0 : -1;
    tile.setAttribute("aria-selected", String(this.marked.has(number)));
    tile.setAttribute("aria-label", `${task.kind === "text" ? task.text.slice(0, 80) : task.id}${chip ? `, ${chip}` : ""}`);
  }

  toggle(number) {
    if (!this.marked.delete(number)) this.marked.add(number);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const numbers = [...this.session.tasks.keys()];
    const at = numbers.indexOf(this.session.current);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns(), ArrowDown: this.columns(), Home: -at, End: numbers.length - 1 - at };
    if (event.key === " ") {
      this.toggle(this.session.current);
      this.update(this.session);
    } else if (event.key === "Enter") this.enlarge(this.session.current);
    else if (event.key === "Escape") {
      this.marked.clear();
      this.update(this.session);
    } else if (event.key in steps) {
      const to = numbers[at + steps[event.key]];
      if (to !== undefined) this.session.go(to);
      this.tiles.get(this.session.current)?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  columns() {
    const tops = [...this.list.children].map((tile) => tile.offsetTop);
    return Math.max(1, tops.filter((top) => top === tops[0]).length);
  }
}
