// The size of thumbnails, chosen by the person who labels and stored in this browser.

import { h } from "./dom.js";

const SIZES = { small: 84, medium: 110, large: 210 }; // smallest width in pixels
const KEY = "spotal-page/size";

/** @type {Set<HTMLButtonElement>} */ const buttons = new Set();

/** Make a switch between the sizes. */
export function sizes() {
  const made = Object.keys(SIZES).map((name) => h("button", { type: "button", title: `${name.charAt(0).toUpperCase()}${name.slice(1)} pictures`, data: { size: name }, onclick: () => choose(name) }, name.charAt(0).toUpperCase()));
  for (const button of made) buttons.add(button);
  choose(stored());
  return h("div", { className: "switch sizes", role: "group", "aria-label": "Size of the pictures" }, made);
}

/** @param {string} name */
function choose(name) {
  const size = Object.hasOwn(SIZES, name) ? /** @type {keyof typeof SIZES} */ (name) : "medium";
  document.documentElement.style.setProperty("--tile", `${SIZES[size]}px`);
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.size === size));
  try {
    localStorage.setItem(KEY, size);
  } catch {
    // the size is not stored
  }
}

function stored() {
  try {
    return localStorage.getItem(KEY) ?? "medium";
  } catch {
    return "medium";
  }
}
