// Elements, made and found.

export const $ = (id) => document.getElementById(id);

/** An element with properties (or attributes, where a name has a dash) and children; null children are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, props);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** The same for SVG, where all are attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function apply(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "data") Object.assign(element.dataset, value);
    else if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
}

/** Tell those who do not see the screen. The same words twice are said twice. */
export function say(text) {
  const place = $("said");
  place.textContent = place.textContent === text ? `${text}\u00a0` : text;
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
/** A probability, or nothing where it is not known. */
export const chance = (share) => (share === null ? "" : percent(share));

export const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : share < 0.0995 ? 1 : 0)} %`;
