// The page: the session, its views, and what keys and buttons do.

import { Answers } from "./answers.js";
import { Session } from "./session.js";
import { $, h, count, say } from "./dom.js";
import { Grid } from "./grid.js";
import { PoolMap } from "./map.js";
import { SingleView, finished } from "./single_view.js";
import { curve, progress, why } from "./sidebar.js";

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

const session = new Session();
const single = new SingleView($("show"));
const grid = new Grid($("show"), session, (number) => { session.go(number); look("one"); });
const map = new PoolMap(session);
let view = single;
let answers = null;
let shown = null; // classes of the buttons
let ended = false;
let fallback = null; // who answers where nobody gave a name
let told = null; // the item that was announced

function update() {
  const { state, task } = session;
  banner();
  document.body.classList.toggle("saving", session.saving);
  if (!state) return;
  $("project").textContent = state.name;
  document.title = `${session.open.length ? `${session.open.length} to label` : "Done"} · ${state.name} · spotal`;
  $("round").textContent = state.round ? `Round ${state.round.number + 1}, picked by ${state.round.strategy}` : "";
  $("who").textContent = session.annotator ?? "";
  progress($("progress"), session);
  if (shown !== state.classes.join("\n")) {
    shown = state.classes.join("\n");
    answers = new Answers($("answers"), state.classes, act);
  }
  const isOver = !task || (!session.open.length && !session.words.has(session.current) && !task.elsewhere);
  if (isOver) {
    $("show").replaceChildren(finished(state, session.outbox.size, session.fresher));
    if (!ended) told = null;
  } else {
    if (ended || !$("show").childElementCount) view.open();
    view.update(session);
  }
  ended = isOver;
  const many = view === grid && grid.targets.length > 1;
  answers.update({ guess: many ? [] : (task?.guess ?? []), word: many ? null : session.words.get(session.current), off: isOver });
  $("answers").classList.toggle("over", isOver);
  why($("why"), isOver || many ? null : task, state);
  curve($("curve"), state.curve);
  map.update();
  announce(isOver);
}

/** What went wrong or was set right, in the banner. */
function banner() {
  const place = $("banner");
  const waiting = session.outbox?.size ?? 0;
  let text = "";
  if (session.lost) {
    const kept = session.outbox?.fragile ? "on this page: do not close it" : "in this browser";
    text = `${session.lost} Go on: your answers are kept ${kept}, and sent when it is back. ${count(waiting, "answer")} waiting.`;
    if (!session.state) text = `${session.lost} Trying again.`;
  } else if (session.problem) text = session.problem;
  else if (session.back) text = `The server is back: ${count(session.back, "kept answer")} saved.`;
  place.classList.toggle("good", !session.lost && !session.problem);
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

/** Say which item shows, once. */
function announce(isOver) {
  const key = isOver ? "over" : session.current;
  if (told === key || session.saving) return;
  const first = told === null;
  told = key;
  if (isOver) return said("Nothing left to answer");
  const { task } = session;
  const [best] = task.guess;
  const guess = best ? `, ${task.suggested ? "a file suggests" : "the model guesses"} ${best.label}` : "";
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
  session.problem = session.back = null;
  if (kind === "undo") return session.undo();
  if (kind === "back" || kind === "next") return session.step(kind === "next");
  const targets = view === grid ? grid.targets : [session.current];
  if (ended || !targets.length || targets[0] === null) return;
  if (view.obstacle && kind === "label") {
    session.problem = `${view.obstacle}.`;
    return update();
  }
  grid.marked.clear();
  return session.answer(targets, kind, label);
}

function look(name) {
  view = name === "grid" ? grid : single;
  memory.set("view", name);
  document.body.classList.toggle("as-grid", view === grid);
  $("view-one").setAttribute("aria-pressed", String(view === single));
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
  const { state, task } = session;
  if (!state) return false;
  const label = answers.of(key);
  const guess = task?.guess[0]?.label;
  if (label) act("label", label);
  else if (key === "n") act("none_of_these");
  else if (key === "s") act("skip");
  else if (key === "u") act("undo");
  else if (key === "g" && guess) act("label", guess);
  else if (key === "v") look(view === single ? "grid" : "one");
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
  fallback = session.annotator;
  const [of, name] = JSON.parse(memory.get("annotator") ?? "[]");
  if (name && of === fallback) session.rename(name);
  else if (!fallback) askName();
}

/** Ask who labels. */
function askName() {
  const field = $("name-field");
  field.value = session.annotator ?? "";
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
  $("name").oncancel = (event) => { if (!session.annotator) event.preventDefault(); };
  $("name-form").onsubmit = () => {
    const name = $("name-field").value.trim();
    if (!name) return;
    memory.set("annotator", JSON.stringify([fallback, name]));
    session.rename(name);
  };
  document.addEventListener("keydown", onKey);
  addEventListener("online", () => session.retry());
  addEventListener("beforeunload", (event) => { if (session.outbox?.fragile) event.preventDefault(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && session.state && !session.lost) session.refresh(); });
  session.addEventListener("change", update);
  session.addEventListener("say", ({ detail }) => said(detail));
  if (memory.get("view") === "grid") look("grid");
  session.addEventListener("open", greet, { once: true });
  session.begin();
}

start();
