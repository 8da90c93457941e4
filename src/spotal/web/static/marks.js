// How a class is drawn: a color and a shape, so that no two of the first sixty look alike.

export const COLORS = 10;
export const SHAPES = ["circle", "square", "triangle", "diamond", "wedge", "cross"];
/** Classes with a look of their own. Those after them are drawn alike, in gray, and the page says so. */
export const OWN = COLORS * SHAPES.length;

/**
 * Style classes for the class at that place of the list; gray for one that has no look of its own.
 * @param {number} index
 */
export const look = (index) => (hasOwn(index) ? `c${index % COLORS} ${shape(index)}` : "c-other circle");

/**
 * The color alone, as a style class.
 * @param {number} index
 */
export const color = (index) => (hasOwn(index) ? `c${index % COLORS}` : "c-other");

/**
 * The shape alone.
 * @param {number} index
 */
export const shape = (index) => (hasOwn(index) && SHAPES[Math.floor(index / COLORS)]) || "circle";

/** @param {number} index */
const hasOwn = (index) => index >= 0 && index < OWN;
