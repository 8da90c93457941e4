// Zoom and move of content in a frame: the arithmetic, and the gestures of mouse, pen and fingers.

/** @typedef {[x: number, y: number]} Point in pixels of the frame */

const SLACK = 4; // pixels that a pointer may move in a click

/** The scale and position of content in a frame. At first it fills the frame, and it is never smaller. */
export class Zoom {
  scale = 1;
  /** @type {Point} the content's corner */
  corner = [0, 0];

  /** @param {number} [most] largest scale */
  constructor(most = 8) {
    this.most = most;
  }

  get isOn() {
    return this.scale > 1;
  }

  /**
   * Zoom by a factor around the point `at`.
   * @param {number} factor
   * @param {Point} at
   * @param {Point} size of the frame
   */
  by(factor, at, size) {
    const scale = Math.min(this.most, Math.max(1, this.scale * factor));
    const ratio = scale / this.scale;
    this.corner = [at[0] - ratio * (at[0] - this.corner[0]), at[1] - ratio * (at[1] - this.corner[1])];
    this.scale = scale;
    this.fit(size);
  }

  /** @param {Point} way @param {Point} size of the frame */
  move([x, y], size) {
    this.corner = [this.corner[0] + x, this.corner[1] + y];
    this.fit(size);
  }

  reset() {
    this.scale = 1;
    this.corner = [0, 0];
  }

  /** Move the content so that no part of the frame is empty. @param {Point} size of the frame */
  fit([wide, high]) {
    const [x, y] = this.corner;
    this.corner = [Math.min(0, Math.max(wide - wide * this.scale, x)), Math.min(0, Math.max(high - high * this.scale, y))];
  }

  /** Return the position in the frame of a point of the content. @param {Point} point @returns {Point} */
  place([x, y]) {
    return [x * this.scale + this.corner[0], y * this.scale + this.corner[1]];
  }

  /** Return the point of the content at a position in the frame. @param {Point} point @returns {Point} */
  find([x, y]) {
    return [(x - this.corner[0]) / this.scale, (y - this.corner[1]) / this.scale];
  }
}

/**
 * @typedef {object} Handlers functions to call for each gesture
 * @property {(from: Point, to: Point, way: Point, event: PointerEvent) => void} drag from its start to the pointer;
 *   `way` is the movement since the last call
 * @property {(from: Point, to: Point, event: PointerEvent) => void} [drop] the end of a drag
 * @property {(at: Point, event: PointerEvent) => void} [click]
 * @property {(factor: number, at: Point, way: Point) => void} pinch
 * @property {(factor: number, at: Point, event: WheelEvent) => boolean} wheel returns false to let the page scroll
 */

/** Listen to gestures on an element. @param {HTMLElement} element @param {Handlers} handlers */
export function gestures(element, handlers) {
  /** @type {Map<number, Point>} */ const pointers = new Map();
  /** @type {Point} */ let from = [0, 0];
  let moved = false;
  /** @param {MouseEvent} event @returns {Point} */
  const point = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button || (event.target instanceof Element && event.target.closest("button"))) return;
    if (!pointers.size) [from, moved] = [point(event), false];
    pointers.set(event.pointerId, point(event));
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = point(event);
    if (pointers.size > 1) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1] ?? before;
      moved = true;
      handlers.pinch(gap(now, other) / Math.max(1, gap(before, other)), middle(now, other), [(now[0] - before[0]) / 2, (now[1] - before[1]) / 2]);
    } else if (moved || gap(from, now) > SLACK) {
      moved = true;
      handlers.drag(from, now, [now[0] - before[0], now[1] - before[1]], event);
    } else return;
    pointers.set(event.pointerId, now);
  });
  element.addEventListener("pointerup", (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    if (moved) handlers.drop?.(from, point(event), event);
    else handlers.click?.(from, event);
  });
  element.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  element.addEventListener("wheel", (event) => {
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (handlers.wheel(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), point(event), event)) event.preventDefault();
  }, { passive: false });
}

/** @type {(a: Point, b: Point) => number} */ const gap = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** @type {(a: Point, b: Point) => Point} */ const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
