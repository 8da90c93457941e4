// The keyboard: what a key means. Knows no element of the page, and does nothing itself.

/** @import { Kind } from "../protocol.d.ts" */
/**
 * @typedef {{ do: "answer", kind: Kind, label: string | null }
 *   | { do: "undo" | "back" | "next" | "view" | "find" | "help" | "guess" | "confirm" | "in" | "out" | "whole" }} Action
 */
/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat" | "isComposing">} Key */

const CLASSES = "1234567890";

/** The lines of the help. */
export const HELP = [
  ["1 – 9, 0", "answer with that class"],
  ["/", "find a class by its name, where there are more than ten"],
  ["g", "answer with the model's guess"],
  ["n", "none of these"],
  ["s", "skip"],
  ["u", "undo"],
  ["← →", "go back, go on"],
  ["v", "one item or grid"],
  ["+ −", "enlarge the picture; z shows the whole of it"],
  ["space", "in the grid: mark for a common answer"],
  ["Enter", "in the grid: enlarge"],
  ["?", "this help"],
];

/** The lines that are other ones where an item may have several classes. */
export const HELP_SEVERAL = new Map([
  ["1 – 9, 0", "choose that class, or take it back"],
  ["g", "answer with the classes that the model guesses"],
  ["n", "none of these, at once"],
  ["Enter", "save the classes chosen; none chosen means none of these"],
]);

/**
 * The key of the class at that place in the list; null where there is none.
 * @param {number} index
 */
export const classKey = (index) => CLASSES[index] ?? null;

/**
 * Whether a class must be looked for by its name, as there are more than keys.
 * @param {string[]} classes
 */
export const needsFinder = (classes) => classes.length > CLASSES.length;

/**
 * Whether keys are text where they go to.
 * @param {{ closest?: (selector: string) => unknown } | null} target
 */
export const isTyping = (target) => Boolean(target?.closest?.("input, textarea, select, dialog, [contenteditable]"));

/**
 * What a key means; null for nothing, which is left to the browser.
 * @param {Key} event
 * @param {{ classes: string[], guess?: string | undefined, single?: boolean, typing?: boolean, several?: boolean }} now
 *   `guess` of the model; `single` keys answer; `typing`: into a field, or a dialog is open; `several`: Enter confirms
 * @returns {Action | null}
 */
export function action(event, { classes, guess, single = true, typing = false, several = false }) {
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key; // Caps Lock changes nothing
  if (key === "?") return { do: "help" };
  if (key === "Enter" && several) return { do: "confirm" };
  if (!single) return null;
  const label = key.length === 1 ? classes[CLASSES.indexOf(key)] : undefined;
  if (label !== undefined) return { do: "answer", kind: "label", label };
  switch (key) {
    case "g":
      if (guess === undefined) return null;
      return several ? { do: "guess" } : { do: "answer", kind: "label", label: guess };
    case "n":
      return { do: "answer", kind: "none_of_these", label: null };
    case "s":
      return { do: "answer", kind: "skip", label: null };
    case "u":
      return { do: "undo" };
    case "v":
      return { do: "view" };
    case "/":
      return needsFinder(classes) ? { do: "find" } : null;
    case "+":
    case "=":
      return { do: "in" };
    case "-":
      return { do: "out" };
    case "z":
      return { do: "whole" };
    case "ArrowLeft":
      return { do: "back" };
    case "ArrowRight":
      return { do: "next" };
    default:
      return null;
  }
}

/** Keys that lead from one item to another in a grid. */
export const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

/**
 * Where a key of `MOVES` leads in a grid, by place; null for other keys and beyond the edge.
 * @param {string} key
 * @param {{ at: number, count: number, columns: number }} grid
 */
export function move(key, { at, count, columns }) {
  /** @type {Record<string, number>} */
  const places = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns,
    ArrowDown: at + columns,
    Home: 0,
    End: count - 1,
  };
  const to = Object.hasOwn(places, key) ? places[key] : undefined;
  return to === undefined || to < 0 || to >= count ? null : to;
}
