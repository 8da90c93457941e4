// The sidebar: why the item was picked, the model's guess, progress, and the learning curve.

/** @import { Guess, Item, Point, State, Task, Why } from "../protocol.d.ts" */

import { breakable, chance, count, h, percent, picture, svg } from "./dom.js";
import { color } from "./marks.js";
import { several } from "./several.js";

const THINGS = { image: "image", text: "text", embedding: "item" };

/**
 * Show why the item was picked, and the model's guess.
 * @param {HTMLElement} place
 * @param {Task | null} task
 * @param {State} state
 */
export function why(place, task, state) {
  place.hidden = !task;
  if (!task) {
    place.replaceChildren();
    return;
  }
  /** @type {HTMLElement[]} */ const parts = [h("h2", {}, "Why this one")];
  if (task.why?.audit) {
    parts.push(h("p", {}, "Picked at random, to measure accuracy. Such items are never trained on. The model's guess is not shown, so that it cannot influence you."));
  } else if (task.why) parts.push(...reasons(task.why, task.kind, state));
  else parts.push(h("p", {}, "Annotators disagree on it."));
  if (task.guess.length) parts.push(h("h3", {}, task.suggested ? "Suggested by an imported file" : "The model's guess"), guesses(task.guess, state.classes));
  place.replaceChildren(...parts);
}

/** @param {Why} why @param {Item["kind"]} kind @param {State} state */
function reasons(why, kind, state) {
  const thing = THINGS[kind];
  /** @type {HTMLElement[]} */ const parts = [];
  if (why.stands_for === null) parts.push(h("p", {}, `Picked by ${state.round?.strategy} in round ${why.round + 1}.`));
  else parts.push(h("p", {}, h("b", {}, `Represents ${count(why.stands_for, thing)}`), ` of ${state.counts.items.toLocaleString("en")}: the ones most similar to it.`));
  if (why.uncertainty !== null) parts.push(h("p", { className: "note" }, `The model is ${doubt(why.uncertainty)} here.`));
  if (why.neighbors.length) parts.push(h("ul", { className: "near", "aria-label": "Its nearest neighbors" }, why.neighbors.map(neighbor)));
  return parts;
}

/** Return an uncertainty from 0 to 1 in words. @param {number} uncertainty */
const doubt = (uncertainty) => (uncertainty < 0.2 ? "fairly sure" : uncertainty < 0.5 ? "not quite sure" : "very unsure");

/** @param {Item} item */
function neighbor(item) {
  const face = item.kind === "image"
    ? picture(item.small ?? "", { alt: item.id, title: item.id, loading: "lazy" })
    : h("span", { className: "excerpt", title: item.text ?? item.id }, item.text ?? item.id);
  return h("li", { className: item.kind === "image" ? "" : "written" }, face);
}

/** @param {Guess[]} guess @param {string[]} classes */
function guesses(guess, classes) {
  return h(
    "ul",
    { className: "bars" },
    guess.map(({ label, probability }) => {
      const bar = h("i", { className: `bar ${color(classes.indexOf(label))}`, "aria-hidden": "true" });
      bar.style.setProperty("--share", String(probability ?? 0));
      return h("li", {}, h("span", {}, breakable(label)), bar, h("span", { className: "number" }, chance(probability)));
    }),
  );
}

/**
 * Show the progress of the batch and the budget.
 * @param {HTMLElement} place
 * @param {State} state
 * @param {number} fresher number of answers that are not in `state`
 */
export function progress(place, { counts, round }, fresher) {
  const parts = [];
  if (round) {
    const waiting = Math.max(0, round.waiting - fresher);
    parts.push(meter(counts.overlap > 1 ? "Batch, all people" : "Batch", round.size - waiting, round.size));
  }
  if (counts.budget !== null) parts.push(meter("Budget", counts.cost ?? counts.spent, counts.budget));
  else parts.push(h("p", {}, h("b", {}, counts.labeled.toLocaleString("en")), " labeled"));
  place.replaceChildren(...parts);
}

/** @param {string} name @param {number} value @param {number} most */
function meter(name, value, most) {
  const text = `${value.toLocaleString("en")} of ${most.toLocaleString("en")}`;
  return h("label", { className: "meter" }, h("span", {}, name), h("progress", { value, max: Math.max(1, most), "aria-label": `${name}: ${text}` }), h("b", {}, text));
}

const WIDE = 320;
const HIGH = 120;
const EDGE = { left: 46, right: 12, top: 8, bottom: 24 };

/**
 * Show the accuracy of each model with its interval, and the same as a table for screen readers.
 * @param {HTMLElement} place
 * @param {Point[]} points
 */
export function curve(place, points) {
  const last = points.at(-1);
  if (!last) {
    place.replaceChildren(h("p", { className: "note" }, "The first training adds a point here: how often the model is right about random items."));
    return;
  }
  const most = Math.max(...points.map(({ labels }) => labels), 1);
  const low = Math.max(0, Math.floor(10 * Math.min(...points.map((p) => p.low))) / 10);
  const high = Math.min(1, Math.ceil(10 * Math.max(...points.map((p) => p.high))) / 10);
  /** @param {number} labels */
  const x = (labels) => EDGE.left + ((WIDE - EDGE.left - EDGE.right) * labels) / most;
  /** @param {number} share */
  const y = (share) => HIGH - EDGE.bottom - ((HIGH - EDGE.top - EDGE.bottom) * (share - low)) / Math.max(high - low, 0.1);
  const drawing = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "curve", "aria-hidden": "true" });
  for (const share of [low, (low + high) / 2, high]) {
    drawing.append(
      svg("line", { class: "rule", x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(share), y2: y(share) }),
      svg("text", { x: EDGE.left - 6, y: y(share) + 4, "text-anchor": "end" }, `${Math.round(100 * share)} %`),
    );
  }
  for (const labels of [0, most]) {
    drawing.append(svg("text", { x: x(labels), y: HIGH - 6, "text-anchor": labels ? "end" : "start" }, labels ? `${labels} labels` : "0"));
  }
  for (const p of points) {
    drawing.append(svg("line", { class: "interval", x1: x(p.labels), x2: x(p.labels), y1: y(p.low), y2: y(p.high) }));
  }
  drawing.append(svg("polyline", { class: "line", points: points.map((p) => `${x(p.labels)},${y(p.value)}`).join(" ") }));
  for (const p of points) drawing.append(svg("circle", { class: "point", cx: x(p.labels), cy: y(p.value), r: 4 }));
  place.replaceChildren(drawing, h("p", { className: "note" }, `${percent(last.value)} right${several.on ? " about every class" : ""} with ${count(last.labels, "label")}; between ${percent(last.low)} and ${percent(last.high)}, as ${last.n === 1 ? "only 1 random item was" : `${last.n} random items were`} checked.`), table(points));
}

/** @param {Point[]} points */
function table(points) {
  /** @param {Point} p */
  const row = (p) => h("tr", {}, h("td", {}, String(p.labels)), h("td", {}, percent(p.value)), h("td", {}, `${percent(p.low)} to ${percent(p.high)}`));
  const head = h("tr", {}, h("th", {}, "Labels"), h("th", {}, "Accuracy"), h("th", {}, "95 % interval"));
  return h("table", { className: "hidden-text" }, h("caption", {}, "Learning curve"), h("thead", {}, head), h("tbody", {}, points.map(row)));
}
