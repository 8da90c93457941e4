// The picture of one item, with zoom and move.

import { h } from "./dom.js";
import { Zoom, gestures } from "./zoom.js";

/** @import { Point } from "./zoom.js" */

const STEP = 1.6;
const DOUBLE = 300; // largest time in ms between the clicks of a double click

export class PictureZoom {
  zoom = new Zoom();
  clicked = 0;

  /** @param {HTMLElement} frame */
  constructor(frame) {
    this.frame = frame;
    this.pane = h("div", { className: "pane" });
    this.out = button("−", "Zoom out (-)", () => this.by(1 / STEP));
    this.in = button("+", "Zoom in (+)", () => this.by(STEP));
    this.whole = button("Whole picture", "Show the whole picture (z)", () => this.reset());
    this.tools = h("div", { className: "zoom-tools", role: "group", "aria-label": "Zoom" }, this.out, this.in, this.whole);
    gestures(frame, {
      drag: (_from, _to, way) => this.change(() => this.zoom.move(way, this.size)),
      click: (at, event) => this.click(at, event),
      pinch: (factor, at, way) => this.change(() => {
        this.zoom.by(factor, at, this.size);
        this.zoom.move(way, this.size);
      }),
      wheel: (factor, at, event) => {
        if (!this.isShown || !(event.ctrlKey || event.metaKey || this.zoom.isOn)) return false;
        this.change(() => this.zoom.by(factor, at, this.size));
        return true;
      },
    });
  }

  /** @returns {Point} */
  get size() {
    return [this.frame.clientWidth, this.frame.clientHeight];
  }

  get isShown() {
    return this.pane.isConnected;
  }

  /** Show another picture, without zoom. @param {HTMLImageElement} image */
  show(image) {
    image.draggable = false;
    this.pane.replaceChildren(image);
    this.frame.replaceChildren(this.pane, this.tools);
    this.reset();
  }

  /** @param {number} factor */
  by(factor) {
    const [wide, high] = this.size;
    this.change(() => this.zoom.by(factor, [wide / 2, high / 2], this.size));
  }

  reset() {
    this.change(() => this.zoom.reset());
  }

  /**
   * Zoom in at a double click or tap, or show the whole picture again.
   * @param {Point} at
   * @param {PointerEvent} event
   */
  click(at, event) {
    const isDouble = event.timeStamp - this.clicked < DOUBLE;
    this.clicked = isDouble ? 0 : event.timeStamp;
    if (isDouble) this.change(() => (this.zoom.isOn ? this.zoom.reset() : this.zoom.by(STEP ** 2, at, this.size)));
  }

  /** @param {() => void} work */
  change(work) {
    if (!this.isShown) return;
    work();
    const { scale, corner, isOn, most } = this.zoom;
    this.pane.style.transform = isOn ? `translate(${corner[0]}px, ${corner[1]}px) scale(${scale})` : "";
    this.frame.classList.toggle("zoomed", isOn);
    this.out.hidden = !isOn;
    this.in.disabled = scale >= most;
    this.whole.hidden = !isOn;
  }
}

/** @param {string} text @param {string} title @param {() => void} onclick */
const button = (text, title, onclick) => h("button", { type: "button", className: "plain small", title, "aria-label": title.replace(/ \(.*/, ""), onclick }, text);
