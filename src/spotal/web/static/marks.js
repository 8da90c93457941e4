// The color and shape of each class; the first sixty classes all look different.

export const COLORS = 10;
export const SHAPES = ["circle", "square", "triangle", "diamond", "wedge", "cross"];
/** Number of classes with their own color and shape. All others are gray, and the page says so. */
export const OWN = COLORS * SHAPES.length;

/** Return the CSS classes for the class with this index. @param {number} index */
export const look = (index) => (hasOwn(index) ? `c${index % COLORS} ${shape(index)}` : "c-other circle");

/** Return the CSS class of the color. @param {number} index */
export const color = (index) => (hasOwn(index) ? `c${index % COLORS}` : "c-other");

/** Return the name of the shape. @param {number} index */
export const shape = (index) => (hasOwn(index) && SHAPES[Math.floor(index / COLORS)]) || "circle";

/** @param {number} index */
const hasOwn = (index) => index >= 0 && index < OWN;
