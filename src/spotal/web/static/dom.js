// Helpers to find and make elements, and to format text.

/** @typedef {Element | string | null | undefined} Child */

/**
 * Return the element with an id of index.html.
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @param {new () => E} [type]
 * @returns {E}
 */
export function $(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof (type ?? HTMLElement))) throw new Error(`the page has no such element: ${id}`);
  return /** @type {E} */ (element);
}

/**
 * Make an element with properties (attributes if a name has a dash) and children; null children are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Partial<HTMLElementTagNameMap[T]> & { data?: Record<string, string | number>, [dashed: `${string}-${string}`]: string }} [props]
 * @param {(Child | Child[])[]} children
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.includes("-")) element.setAttribute(name, String(value));
    else Object.assign(element, { [name]: value });
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/**
 * Make an SVG element with attributes.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string)[]} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Make a picture. One of at most 64 pixels is enlarged without smoothing.
 * @param {string} src
 * @param {Partial<HTMLImageElement>} props
 */
export function picture(src, props) {
  const image = h("img", { src, ...props });
  image.addEventListener("load", () => image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= 64));
  return image;
}

/**
 * Return a name that can be wrapped after characters such as "_" and "/", but never inside a word.
 * @param {string} name
 * @returns {Child[]}
 */
export const breakable = (name) => parts(name).flatMap((part, k) => (k ? [h("wbr"), part] : [part]));

/**
 * Return the width in pixels of the longest word of the names, in the font of an element.
 * @param {string[]} names
 * @param {Element} element
 */
export function longestWord(names, element) {
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return 0;
  const { fontStyle, fontWeight, fontSize, fontFamily } = getComputedStyle(element);
  pen.font = `${fontStyle} ${fontWeight} ${fontSize} ${fontFamily}`;
  const words = new Set(names.flatMap(parts).flatMap((part) => part.split(/\s+/)));
  return Math.ceil(Math.max(0, ...[...words].map((word) => pen.measureText(word).width)));
}

/** @param {string} name */
const parts = (name) => name.split(/(?<=[_/.,:;|\\-])|(?<=\p{Ll})(?=\p{Lu})/u);

/** Announce a text to screen readers, also if it is the same as before. @param {string} text */
export function say(text) {
  const place = $("said");
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

/** @type {(n: number, one: string, many?: string) => string} */
export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** @type {(share: number) => string} */
export const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : share < 0.0995 ? 1 : 0)} %`;

/** Format a probability; null gives an empty text. @type {(share: number | null) => string} */
export const chance = (share) => (share === null ? "" : percent(share));

/** Format names as a list in a sentence. @param {string[]} names */
export const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
