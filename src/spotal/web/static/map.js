// The map: the pool in two dimensions, with the labels so far.

/** @import { Atlas, Item, Kind, Marks } from "../protocol.d.ts" */
/** @import { Box } from "./map_tools.js" */
/** @import { Session } from "./session.js" */
/** @import { Point } from "./zoom.js" */
/** @typedef {CanvasRenderingContext2D} Pen */

import { get } from "./api.js";
import { $, breakable, h } from "./dom.js";
import { MapTools } from "./map_tools.js";
import { COLORS, OWN, look, shape } from "./marks.js";
import { several } from "./several.js";

const SCALE = 1000; // largest coordinate
const MARGIN = 10;
const NONE = -1, SKIPPED = -2, TIED = -3, OPEN = -4; // marks of items without a class
/** @type {Record<number, string>} */
const WORDS = { [OPEN]: "picked", [NONE]: "none of these", [SKIPPED]: "skipped", [TIED]: "conflict" };
const REACH = 12; // largest distance in pixels from the pointer to an item under it

export class PoolMap {
  /** @type {Atlas | null} */ points = null;
  /** @type {string | null} name of the points */
  name = null;
  /** @type {Map<number, number>} index in `points` by item number */
  row = new Map();
  /** @type {Map<number, number>} */ marks = new Map();
  /** @type {Marks[]} changes that arrived while marks were loading */
  late = [];
  loading = false;
  wholes = 0;
  /** @type {number | null} index of the item that the tip shows */
  tipped = null;

  legend = "";
  /** @type {Box | null} part of the map whose items are listed */
  box = null;

  /**
   * @param {Session} session
   * @param {object} means
   * @param {(number: number) => void} means.open shows an item that waits for an answer
   * @param {(box: Box) => void} means.browse lists the items of a part of the map
   * @param {() => void} means.enlarge makes the map larger, or smaller again
   */
  constructor(session, { open, browse, enlarge }) {
    this.session = session;
    this.canvas = $("map", HTMLCanvasElement);
    this.tip = $("map-tip");
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.tools = new MapTools(this.canvas, {
      changed: () => this.draw(),
      click: (at) => this.click(at, open, browse),
      select: (from, to) => {
        const [a, b] = [this.find(from), this.find(to)];
        browse([Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])]);
      },
      enlarge,
    });
    $("map-head").append(this.tools.element);
    session.addEventListener("box", (event) => {
      this.box = /** @type {CustomEvent<Box | null>} */ (event).detail;
      this.draw();
    });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
    });
    session.addEventListener("mark", (event) => this.mark(/** @type {CustomEvent<number[]>} */ (event).detail));
    session.addEventListener("marks", (event) => this.patch(/** @type {CustomEvent<Marks>} */ (event).detail));
  }

  /** Load the points or the marks if they have changed. */
  async update() {
    const { state, wholes } = this.session;
    if (!state) return;
    const card = this.canvas.closest("section");
    if (card) card.hidden = state.map === null;
    if (state.map === null || this.loading) {
      this.draw();
      return;
    }
    this.loading = true;
    try {
      if (state.map !== this.name) {
        /** @type {Atlas | null} */ const atlas = await get("api/map");
        if (atlas) {
          this.points = atlas;
          this.name = state.map;
          this.row = new Map(atlas.numbers.map((number, k) => [number, k]));
          this.take(atlas.marks);
        }
      } else if (wholes !== this.wholes) this.take(await get("api/marks"));
      this.wholes = wholes;
    } catch {
      // the banner shows that the server is lost; the next update tries again
    } finally {
      this.loading = false;
    }
    this.draw();
  }

  /** @param {Marks} marks */
  take(marks) {
    this.loading = false;
    this.marks = new Map(Object.entries(marks).flatMap(([number, mark]) => (mark === null ? [] : [[Number(number), mark]])));
    for (const late of this.late.splice(0)) this.patch(late);
    this.mark([...this.session.waiting().keys()]);
  }

  /** Apply changes of marks. @param {Marks} marks */
  patch(marks) {
    if (this.loading) this.late.push(marks); // the marks that are loading may be older
    for (const [number, mark] of Object.entries(marks)) {
      if (mark === null) this.marks.delete(Number(number));
      else this.marks.set(Number(number), mark);
    }
    this.mark([...this.session.waiting().keys()]);
  }

  /** @param {number[]} numbers */
  mark(numbers) {
    const { words, state } = this.session;
    for (const number of numbers) {
      const word = words.get(number);
      /** @type {Record<Kind, number>} */
      const marks = { label: several.place(word?.label, state?.classes ?? []), none_of_these: NONE, skip: SKIPPED };
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
    if (!pen) return;
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    /** @param {string} name */
    const paint = (name) => style.getPropertyValue(`--${name}`).trim();
    const colors = Array.from({ length: COLORS }, (_, k) => paint(`c${k}`));
    /** @param {number} k */
    const at = (k) => this.place(k);
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
      if (mark >= 0) dot(pen, x, y, shape(mark), (mark < OWN && colors[mark % COLORS]) || paint("soft"), paint("card"));
      else if (mark === NONE || mark === TIED) cross(pen, x, y, mark === TIED ? paint("warn") : paint("soft"));
      else ring(pen, x, y, 4.5, mark === OPEN ? paint("accent") : paint("soft"), 2);
    }
    for (const [corner, other] of this.boxes()) {
      pen.strokeStyle = paint("accent");
      pen.lineWidth = 2;
      pen.strokeRect(corner[0], corner[1], other[0] - corner[0], other[1] - corner[1]);
    }
    const now = this.row.get(this.session.current ?? -1);
    if (now !== undefined) {
      ring(pen, ...at(now), 9, paint("card"), 5);
      ring(pen, ...at(now), 9, paint("ink"), 2.5);
    }
    this.tell();
  }

  /** Describe the map in words. */
  tell() {
    if (!this.session.state) return;
    const { counts, classes } = this.session.state;
    const kinds = [...this.marks.values()];
    const labeled = kinds.filter((mark) => mark >= 0);
    const each = classes.map((name, k) => ({ name, k, n: labeled.filter((mark) => mark === k).length })).filter(({ n }) => n);
    const key = each.map(({ k, n }) => `${k} ${n}`).join();
    if (key !== this.legend) {
      this.legend = key;
      $("map-legend").replaceChildren(...each.map(({ name, k, n }) => h("li", {}, h("i", { className: `dot ${look(k)}` }), h("span", {}, breakable(name)), h("b", {}, n.toLocaleString("en")))));
    }
    const open = kinds.filter((mark) => mark === OPEN).length;
    const rest = Math.max(0, counts.items - this.marks.size);
    $("map-text").textContent =
      `${labeled.length} labeled, ${open} waiting for an answer (rings), ${rest.toLocaleString("en")} others. ` +
      `${this.session.current === null ? "" : "The large ring is the item shown. "}` +
      `${classes.length > OWN ? `All classes after the first ${OWN} are gray dots. ` : ""}` +
      "Similar items are close together. Click an item to open it, or draw a box to list the items inside.";
  }

  /**
   * Show the clicked item: for an answer if it waits for one, otherwise among the answers.
   * @param {Point} at
   * @param {(number: number) => void} open
   * @param {(box: Box) => void} browse
   */
  click(at, open, browse) {
    const k = this.nearest(at);
    const number = this.points?.numbers[k];
    if (!this.points || number === undefined) return;
    const [x, y] = [this.points.x[k] ?? 0, this.points.y[k] ?? 0];
    if (this.session.tasks.has(number)) open(number);
    else browse([x, y, x, y]);
  }

  /** Return the pixel of an item by its index. @param {number} k */
  place(k) {
    return this.spot(this.points?.x[k] ?? 0, this.points?.y[k] ?? 0);
  }

  /**
   * Return the pixel of a point of the map.
   * @param {number} x from 0 to SCALE, as y
   * @param {number} y
   * @param {number} [beside] offset in pixels to the right and below
   * @returns {Point}
   */
  spot(x, y, beside = 0) {
    const { clientWidth: wide, clientHeight: high } = this.canvas;
    const [left, top] = this.tools.zoom.place([MARGIN + ((wide - 2 * MARGIN) * x) / SCALE, high - MARGIN - ((high - 2 * MARGIN) * y) / SCALE]);
    return [left + beside, top + beside];
  }

  /** Return the point of the map at a pixel, in whole numbers. @param {Point} point @returns {Point} */
  find(point) {
    const { clientWidth: wide, clientHeight: high } = this.canvas;
    const [x, y] = this.tools.zoom.find(point);
    return [Math.round((SCALE * (x - MARGIN)) / (wide - 2 * MARGIN)), Math.round((SCALE * (high - MARGIN - y)) / (high - 2 * MARGIN))];
  }

  /** Return the boxes to draw: the one in progress, and the one whose items are listed. @returns {[Point, Point][]} */
  boxes() {
    /** @type {[Point, Point][]} */ const boxes = this.tools.drawn ? [this.tools.drawn] : [];
    if (this.box) {
      const [left, bottom, right, top] = this.box;
      boxes.push([this.spot(left, top, -4), this.spot(right, bottom, 4)]);
    }
    return boxes;
  }

  /** Return the index of the item nearest to a point; -1 if none is near. @param {Point} at */
  nearest(at) {
    const { points } = this;
    if (!points) return -1;
    let best = -1, least = REACH ** 2;
    for (let k = 0; k < points.numbers.length; k++) {
      const [x, y] = this.place(k);
      const gap = (x - at[0]) ** 2 + (y - at[1]) ** 2;
      if (gap < least) [best, least] = [k, gap];
    }
    return best;
  }

  /** Show the item under the pointer. @param {PointerEvent} event */
  async point(event) {
    const { points } = this;
    if (!points) return;
    const { clientWidth: wide, clientHeight: high } = this.canvas;
    const best = this.tools.drawn ? -1 : this.nearest([event.offsetX, event.offsetY]);
    this.tip.hidden = best < 0;
    if (best < 0 || this.tipped === best) return;
    this.tipped = best;
    /** @type {Item | null} */ const item = await get(`api/items/${points.numbers[best]}`).catch(() => null);
    if (!item || this.tipped !== best) return;
    const mark = this.marks.get(item.number);
    const text = mark === undefined ? undefined : mark >= 0 ? this.session.state?.classes[mark] : WORDS[mark];
    const [x, y] = this.place(best);
    this.tip.replaceChildren(...(item.small ? [h("img", { src: item.small, alt: "" })] : []), h("figcaption", {}, text ?? item.text?.slice(0, 80) ?? item.id));
    this.tip.classList.toggle("left", x > wide / 2);
    this.tip.style.left = `${x}px`;
    this.tip.style.top = `${Math.min(y, high - 110)}px`;
  }
}

/** @type {Record<string, [x: number, y: number][]>} corners of each shape around its center, in pixels */
const CORNERS = {
  square: [[-4, -4], [4, -4], [4, 4], [-4, 4]],
  triangle: [[0, -5.5], [5.2, 4], [-5.2, 4]],
  diamond: [[0, -6], [5.2, 0], [0, 6], [-5.2, 0]],
  wedge: [[0, 5.5], [5.2, -4], [-5.2, -4]],
  cross: [[-1.8, -5.4], [1.8, -5.4], [1.8, -1.8], [5.4, -1.8], [5.4, 1.8], [1.8, 1.8], [1.8, 5.4], [-1.8, 5.4], [-1.8, 1.8], [-5.4, 1.8], [-5.4, -1.8], [-1.8, -1.8]],
};

/** @type {(pen: Pen, x: number, y: number, shape: string, fill: string, edge: string) => void} */
function dot(pen, x, y, shape, fill, edge) {
  pen.beginPath();
  const corners = CORNERS[shape];
  if (corners) for (const [dx, dy] of corners) pen.lineTo(x + dx, y + dy);
  else pen.arc(x, y, 4.5, 0, 2 * Math.PI);
  pen.closePath();
  pen.fillStyle = fill;
  pen.fill();
  pen.lineWidth = 1.2;
  pen.strokeStyle = edge;
  pen.stroke();
}

/** @type {(pen: Pen, x: number, y: number, radius: number, stroke: string, width: number) => void} */
function ring(pen, x, y, radius, stroke, width) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.lineWidth = width;
  pen.strokeStyle = stroke;
  pen.stroke();
}

/** @type {(pen: Pen, x: number, y: number, stroke: string) => void} */
function cross(pen, x, y, stroke) {
  pen.beginPath();
  for (const turn of [4, -4]) {
    pen.moveTo(x - 4, y - turn);
    pen.lineTo(x + 4, y + turn);
  }
  pen.lineWidth = 2;
  pen.strokeStyle = stroke;
  pen.stroke();
}
