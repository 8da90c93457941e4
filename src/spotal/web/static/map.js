// The map: the pool in two dimensions, filling as one labels.

import { COLORS } from "./answers.js";
import { get } from "./api.js";
import { $, h } from "./dom.js";

const SCALE = 1000; // coordinates run to this
const MARGIN = 10;
const NONE = -1, SKIPPED = -2, TIED = -3, OPEN = -4; // marks of items without a class
const REACH = 12; // pixels between the pointer and an item that it means

export class PoolMap {
  constructor(session) {
    this.session = session;
    this.canvas = $("map");
    this.tip = $("map-tip");
    this.points = null;
    this.marks = new Map();
    this.late = []; // patches that came while marks were loaded
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    session.addEventListener("mark", ({ detail }) => this.mark(detail));
    session.addEventListener("marks", ({ detail }) => this.patch(detail));
  }

  /** Load what the server has that this map has not. */
  async update() {
    const { state, wholes } = this.session;
    const card = this.canvas.closest("section");
    card.hidden = state.map === null;
    if (state.map === null || this.loading) return this.draw();
    this.loading = true;
    try {
      if (state.map !== this.name) {
        const found = await get("api/map");
        if (found) {
          this.points = found;
          this.name = state.map;
          this.row = new Map(found.numbers.map((number, k) => [number, k]));
          this.take(found.marks);
        }
      } else if (wholes !== this.wholes) this.take(await get("api/marks"));
      this.wholes = wholes;
    } catch {
      // the page says elsewhere that the server is lost; asked again with the next state
    } finally {
      this.loading = false;
    }
    this.draw();
  }

  take(marks) {
    this.loading = false;
    this.marks = new Map(Object.entries(marks).map(([number, mark]) => [Number(number), mark]));
    for (const late of this.late.splice(0)) this.patch(late);
    this.mark([...this.session.waiting().keys()]);
  }

  /** Take in marks that changed. */
  patch(marks) {
    if (this.loading) this.late.push(marks); // what is being loaded may not know of them
    for (const [number, mark] of Object.entries(marks)) {
      if (mark === null) this.marks.delete(Number(number));
      else this.marks.set(Number(number), mark);
    }
    this.mark([...this.session.waiting().keys()]);
  }

  mark(numbers) {
    const { words, state } = this.session;
    for (const number of numbers) {
      const word = words.get(number);
      const marks = { label: state.classes.indexOf(word?.label), none_of_these: NONE, skip: SKIPPED };
      this.marks.set(number, word ? marks[word.kind] : OPEN);
    }
    this.draw();
  }

  draw() {
    if (!this.points || !this.session.state) return;
    const { canvas, points } = this;
    const ratio = devicePixelRatio || 1;
    const { clientWidth: wide, clientHeight: high } = canvas;
    if (!wide) return;
    canvas.width = wide * ratio;
    canvas.height = high * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const paint = (name) => style.getPropertyValue(`--${name}`).trim();
    const colors = Array.from({ length: COLORS }, (_, k) => paint(`c${k}`));
    const at = (k) => this.at(k, wide, high);
    pen.fillStyle = paint("cloud");
    const size = points.numbers.length > 3000 ? 1.6 : points.numbers.length > 600 ? 2.2 : 3;
    points.numbers.forEach((number, k) => {
      if (this.marks.has(number)) return;
      const [x, y] = at(k);
      pen.fillRect(x - size / 2, y - size / 2, size, size);
    });
    for (const [number, mark] of this.marks) {
      const k = this.row.get(number);
      if (k === undefined) continue;
      const [x, y] = at(k);
      if (mark >= 0) dot(pen, x, y, 4.5, colors[mark % COLORS], paint("card"));
      else if (mark === NONE || mark === TIED) cross(pen, x, y, mark === TIED ? paint("warn") : paint("soft"));
      else ring(pen, x, y, 4.5, mark === OPEN ? paint("accent") : paint("soft"), 2);
    }
    const now = this.row.get(this.session.current);
    if (now !== undefined) {
      ring(pen, ...at(now), 9, paint("card"), 5);
      ring(pen, ...at(now), 9, paint("ink"), 2.5);
    }
    this.tell();
  }

  at(k, wide, high) {
    const x = MARGIN + ((wide - 2 * MARGIN) * this.points.x[k]) / SCALE;
    const y = high - MARGIN - ((high - 2 * MARGIN) * this.points.y[k]) / SCALE;
    return [x, y];
  }

  /** The map in words. */
  tell() {
    const { counts, classes } = this.session.state;
    const kinds = [...this.marks.values()];
    const labeled = kinds.filter((mark) => mark >= 0);
    const each = classes.map((name, k) => [name, labeled.filter((mark) => mark === k).length]).filter(([, n]) => n);
    const listed = each.length && each.length <= 12 ? ` (${each.map(([name, n]) => `${name} ${n}`).join(", ")})` : "";
    const open = kinds.filter((mark) => mark === OPEN).length;
    const rest = Math.max(0, counts.items - this.marks.size);
    $("map-text").textContent =
      `${labeled.length} labeled${listed}, ${open} picked and waiting (rings), ${rest.toLocaleString("en")} remaining. ` +
      `${this.session.current === null ? "" : "The large ring is the item shown. "}` +
      "First two principal components of the embeddings.";
  }

  /** Show the item under the pointer. */
  async point(event) {
    if (!this.points) return;
    const { clientWidth: wide, clientHeight: high } = this.canvas;
    let best = null, least = REACH ** 2;
    this.points.numbers.forEach((number, k) => {
      const [x, y] = this.at(k, wide, high);
      const gap = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
      if (gap < least) [best, least] = [k, gap];
    });
    this.tip.hidden = best === null;
    if (best === null || this.tipped === best) return;
    this.tipped = best;
    const item = await get(`api/items/${this.points.numbers[best]}`).catch(() => null);
    if (!item || this.tipped !== best) return;
    const mark = this.marks.get(item.number);
    const said = mark >= 0 ? this.session.state.classes[mark] : { [OPEN]: "picked", [NONE]: "none of these", [SKIPPED]: "skipped", [TIED]: "conflict" }[mark];
    const [x, y] = this.at(best, wide, high);
    this.tip.replaceChildren(...(item.small ? [h("img", { src: item.small, alt: "" })] : []), h("figcaption", {}, said ?? item.text?.slice(0, 80) ?? item.id));
    this.tip.classList.toggle("left", x > wide / 2);
    this.tip.style.left = `${x}px`;
    this.tip.style.top = `${Math.min(y, high - 110)}px`;
  }
}

function dot(pen, x, y, radius, fill, edge) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = 1.2;
  pen.strokeStyle = edge;
  pen.stroke();
}

function ring(pen, x, y, radius, stroke, width) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.lineWidth = width;
  pen.strokeStyle = stroke;
  pen.stroke();
}

function cross(pen, x, y, stroke) {
  pen.beginPath();
  for (const [dx, dy] of [[4, 4], [4, -4]]) {
    pen.moveTo(x - dx, y - dy);
    pen.lineTo(x + dx, y + dy);
  }
  pen.lineWidth = 2;
  pen.strokeStyle = stroke;
  pen.stroke();
}
