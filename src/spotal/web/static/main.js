// The page: the desk, its views, and what keys and buttons do.

import { Answers } from "./answers.js";
import { Desk } from "./desk.js";
import { $, h, count, say } from "./dom.js";
import { Grid } from "./grid.js";
import { PoolMap } from "./map.js";
import { One, finished } from "./one.js";
import { curve, progress, why } from "./side.js";

const KEYS = [
  ["1 – 9, 0", "answer with that class"],
  ["/", "find a class by its name, where there are more than ten"],
  ["g", "answer with the model's guess"],
  ["n", "none of these"],
  ["s", "skip"],
  ["u", "undo"],
  ["← →", "go back, go on"],
  ["v", "one item or grid"],
  ["space", "in the grid: mark for a common answer"],
  ["Enter", "in the grid: enlarge"],
  ["?", "this help"],
];

const memory = {
  get: (name) => { try { return localStorage.getItem(`spotal-page/${name}`); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(`spotal-page/${name}`, value); } catch { /* forgotten then */ } },
};

const desk = new Desk();
const one = new One($("show"));
const grid = new Grid($("show"), desk, (number) => { desk.go(number); look("one"); });
const map = new PoolMap(desk);
let view = one;
let answers = null;
let shown = null; // classes of the buttons
let ended = false;
let fallback = null; // who answers where nobody gave a name
let told = null; // the item that was announced

function update() {
  const { state, task } = desk;
  banner();
  document.body.classList.toggle("saving", desk.saving);
  if (!state) return;
  $("project").textContent = state.name;
  document.title = `${desk.open.length ? `${desk.open.length} to label` : "Done"} · ${state.name} · spotal`;
  $("round").textContent = state.round ? `Round ${state.round.number + 1}, picked by ${state.round.strategy}` : "";
  $("who").textContent = desk.annotator ?? "";
  progress($("progress"), desk);
  if (shown !== state.classes.join("\n")) {
    shown = state.classes.join("\n");
    answers = new Answers($("answers"), state.classes, act);
  }
  const isOver = !task || (!desk.open.length && !desk.words.has(desk.current) && !task.elsewhere);
  if (isOver) {
    $("show").replaceChildren(finished(state, desk.outbox.size, desk.fresher));
    if (!ended) told = null;
  } else {
    if (ended || !$("show").childElementCount) view.open();
    view.update(desk);
  }
  ended = isOver;
  const many = view === grid && grid.targets.length > 1;
  answers.update({ guess: many ? [] : (task?.guess ?? []), word: many ? null : desk.words.get(desk.current), off: isOver });
  $("answers").classList.toggle("over", isOver);
  why($("why"), isOver || many ? null : task, state);
  curve($("curve"), state.curve);
  map.update();
  announce(isOver);
}

/** What went wrong or was set right, in the banner. */
function banner() {
  const place = $("banner");
  const waiting = desk.outbox?.size ?? 0;
  let text = "";
  if (desk.lost) {
    const kept = desk.outbox?.fragile ? "on this page: do not close it" : "in this browser";
    text = `${desk.lost} Go on: your answers are kept ${kept}, and sent when it is back. ${count(waiting, "answer")} waiting.`;
    if (!desk.state) text = `${desk.lost} Trying again.`;
  } else if (desk.problem) text = desk.problem;
  else if (desk.back) text = `The server is back: ${count(desk.back, "kept answer")} saved.`;
  place.classList.toggle("good", !desk.lost && !desk.problem);
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

/** Say which item shows, once. */
function announce(isOver) {
  const key = isOver ? "over" : desk.current;
  if (told === key || desk.saving) return;
  const first = told === null;
  told = key;
  if (isOver) return said("Nothing left to answer");
  const { task } = desk;
  const [best] = task.guess;
  const guess = best ? `, the model guesses ${best.label}` : "";
  said(`${first ? "" : "Next: "}${task.kind === "text" ? task.text.slice(0, 300) : task.id}${task.votes ? ", conflict" : ""}${guess}`);
}

let words = [];
/** Sentences of one moment are said together. */
function said(text) {
  words.push(text);
  queueMicrotask(() => {
    if (!words.length) return;
    say(`${words.join(". ")}.`);
    words = [];
  });
}

function act(kind, label = null) {
  desk.problem = desk.back = null;
  if (kind === "undo") return desk.undo();
  if (kind === "back" || kind === "next") return desk.step(kind === "next");
  const targets = view === grid ? grid.targets : [desk.current];
  if (ended || !targets.length || targets[0] === null) return;
  if (view.obstacle && kind === "label") {
    desk.problem = `${view.obstacle}.`;
    return update();
  }
  grid.marked.clear();
  return desk.answer(targets, kind, label);
}

function look(name) {
  view = name === "grid" ? grid : one;
  memory.set("view", name);
  document.body.classList.toggle("as-grid", view === grid);
  $("view-one").setAttribute("aria-pressed", String(view === one));
  $("view-grid").setAttribute("aria-pressed", String(view === grid));
  if (!ended) view.open();
  update();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, textarea, select, dialog") || document.querySelector("dialog[open]")) return;
  if (event.key === "?") help();
  else if ($("keys-on").checked && !press(event.key)) return;
  else if (!$("keys-on").checked) return;
  event.preventDefault();
}

/** What a key does; false where it does nothing. */
function press(key) {
  const { state, task } = desk;
  if (!state) return false;
  const label = answers.of(key);
  const guess = task?.guess[0]?.label;
  if (label) act("label", label);
  else if (key === "n") act("none_of_these");
  else if (key === "s") act("skip");
  else if (key === "u") act("undo");
  else if (key === "g" && guess) act("label", guess);
  else if (key === "v") look(view === one ? "grid" : "one");
  else if (key === "/" && answers.field) answers.find();
  else if (key === "ArrowLeft") act("back");
  else if (key === "ArrowRight") act("next");
  else return false;
  return true;
}

function help() {
  $("help").showModal();
}

/** Go on as who labeled here last, unless the server was started for somebody else since. */
function greet() {
  fallback = desk.annotator;
  const [of, name] = JSON.parse(memory.get("annotator") ?? "[]");
  if (name && of === fallback) desk.rename(name);
  else if (!fallback) askName();
}

/** Ask who labels. */
function askName() {
  const field = $("name-field");
  field.value = desk.annotator ?? "";
  $("name").showModal();
  field.select();
}

function start() {
  $("keys").append(...KEYS.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]));
  $("help-button").onclick = help;
  $("view-one").onclick = () => look("one");
  $("view-grid").onclick = () => look("grid");
  $("who").onclick = askName;
  $("keys-on").checked = memory.get("keys") !== "off";
  $("keys-on").onchange = ({ target }) => memory.set("keys", target.checked ? "on" : "off");
  $("name").oncancel = (event) => { if (!desk.annotator) event.preventDefault(); };
  $("name-form").onsubmit = () => {
    const name = $("name-field").value.trim();
    if (!name) return;
    memory.set("annotator", JSON.stringify([fallback, name]));
    desk.rename(name);
  };
  document.addEventListener("keydown", onKey);
  addEventListener("online", () => desk.retry());
  addEventListener("beforeunload", (event) => { if (desk.outbox?.fragile) event.preventDefault(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && desk.state && !desk.lost) desk.refresh(); });
  desk.addEventListener("change", update);
  desk.addEventListener("say", ({ detail }) => said(detail));
  if (memory.get("view") === "grid") look("grid");
  desk.addEventListener("open", greet, { once: true });
  desk.begin();
}

start();
