// Interaction with the map: zoom and move it, click an item, draw a box around items.

/** @import { Point } from "./zoom.js" */
/** @typedef {[left: number, bottom: number, right: number, top: number]} Box in the map's own coordinates */

import { h } from "./dom.js";
import { Zoom, gestures } from "./zoom.js";

const STEP = 1.6;
const LEAST = 6; // smallest size of a box in pixels

export class MapTools {
  zoom = new Zoom(20);
  selects = matchMedia("(hover: hover)").matches; // whether a drag draws a box; on a touch screen it moves the map
  /** @type {[from: Point, to: Point] | null} the box in progress, in pixels */
  drawn = null;

  /**
   * @param {HTMLElement} canvas
   * @param {object} means
   * @param {() => void} means.changed called when the map must be drawn again
   * @param {(at: Point) => void} means.click
   * @param {(from: Point, to: Point) => void} means.select
   * @param {() => void} means.enlarge
   */
  constructor(canvas, { changed, click, select, enlarge }) {
    this.canvas = canvas;
    this.changed = changed;
    this.box = button("Select", "Draw a box around items to list them", () => this.choose(!this.selects));
    this.out = button("−", "Zoom out of the map", () => this.by(1 / STEP));
    this.in = button("+", "Zoom into the map", () => this.by(STEP));
    this.large = button("⤢", "Larger map", enlarge);
    this.element = h("div", { className: "map-tools", role: "group", "aria-label": "Map" }, this.box, this.out, this.in, this.large);
    gestures(canvas, {
      drag: (from, to, way, event) => {
        if (this.draws(event)) this.drawn = [from, to];
        else this.zoom.move(way, this.size);
        this.update();
      },
      drop: (from, to) => {
        if (!this.drawn) return;
        this.drawn = null;
        this.update();
        if (Math.abs(to[0] - from[0]) > LEAST && Math.abs(to[1] - from[1]) > LEAST) select(from, to);
      },
      click,
      pinch: (factor, at, way) => {
        this.drawn = null;
        this.zoom.by(factor, at, this.size);
        this.zoom.move(way, this.size);
        this.update();
      },
      wheel: (factor, at, event) => {
        if (!(event.ctrlKey || event.metaKey || this.zoom.isOn)) return false;
        this.zoom.by(factor, at, this.size);
        this.update();
        return true;
      },
    });
    this.choose(this.selects);
  }

  /** @returns {Point} */
  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  /** Return whether a drag draws a box; Shift inverts this. @param {PointerEvent} event */
  draws(event) {
    return this.selects !== event.shiftKey;
  }

  /** @param {boolean} selects */
  choose(selects) {
    this.selects = selects;
    this.box.setAttribute("aria-pressed", String(selects));
    this.update();
  }

  /** @param {number} factor */
  by(factor) {
    const [wide, high] = this.size;
    this.zoom.by(factor, [wide / 2, high / 2], this.size);
    this.update();
  }

  update() {
    this.out.disabled = !this.zoom.isOn;
    this.canvas.style.touchAction = this.selects || this.zoom.isOn ? "none" : "pan-y";
    this.changed();
  }
}

/** @param {string} text @param {string} title @param {() => void} onclick */
const button = (text, title, onclick) => h("button", { type: "button", className: "plain small", title, "aria-label": text.length < 2 ? title : text, onclick }, text);
