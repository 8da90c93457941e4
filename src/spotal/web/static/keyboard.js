// The keyboard: maps keys to actions. This module does not use the page's elements.

/** @import { Kind } from "../protocol.d.ts" */
/**
 * @typedef {{ do: "answer", kind: Kind, label: string | null }
 *   | { do: "undo" | "back" | "next" | "view" | "find" | "help" | "guess" | "confirm" | "in" | "out" | "whole" }} Action
 */
/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat" | "isComposing">} Key */

const CLASSES = "1234567890";

/** The lines of the help. */
export const HELP = [
  ["1 – 9, 0", "answer with this class"],
  ["/", "find a class by its name, if there are more than ten"],
  ["g", "answer with the model's guess"],
  ["n", "none of these"],
  ["s", "skip"],
  ["u", "undo"],
  ["← →", "previous item, next item"],
  ["v", "one item or grid"],
  ["+ −", "zoom in or out; z shows the whole picture"],
  ["space", "in the grid: mark an item; marked items get the same answer"],
  ["Enter", "in the grid: enlarge"],
  ["?", "this help"],
];

/** Lines of the help that differ if an item may have several classes. */
export const HELP_SEVERAL = new Map([
  ["1 – 9, 0", "choose this class, or remove it"],
  ["g", "answer with the classes that the model guesses"],
  ["n", "none of these, saved at once"],
  ["Enter", "save the chosen classes; without any, none of these"],
]);

/** Return the key of a class by its index; null if it has none. @param {number} index */
export const classKey = (index) => CLASSES[index] ?? null;

/**
 * Return whether there are more classes than keys, so that a class must be found by its name.
 * @param {string[]} classes
 */
export const needsFinder = (classes) => classes.length > CLASSES.length;

/** Return whether keys type text into an element. @param {{ closest?: (selector: string) => unknown } | null} target */
export const isTyping = (target) => Boolean(target?.closest?.("input, textarea, select, dialog, [contenteditable]"));

/**
 * Return the action of a key; null if it has none.
 * @param {Key} event
 * @param {{ classes: string[], guess?: string | undefined, single?: boolean, typing?: boolean, several?: boolean }} now
 *   `guess`: the model's; `single`: whether single keys answer; `typing`: whether keys go to a field or a dialog;
 *   `several`: whether Enter confirms
 * @returns {Action | null}
 */
export function action(event, { classes, guess, single = true, typing = false, several = false }) {
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key; // ignore Caps Lock
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

/** Keys that move between items in a grid. */
export const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);

/**
 * Return the index that a key of `MOVES` leads to in a grid; null for other keys and beyond the edge.
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
