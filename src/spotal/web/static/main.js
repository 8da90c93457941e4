// The labeling page: connects the session, the views, keys and buttons.

/** @import { Act } from "./answers.js" */

import { Answers } from "./answers.js";
import { Confirm } from "./confirm.js";
import { $, count, h, say } from "./dom.js";
import { Finished } from "./finished.js";
import { Grid } from "./grid.js";
import { HELP, HELP_SEVERAL, action, isTyping } from "./keyboard.js";
import { PoolMap } from "./map.js";
import { Review } from "./review.js";
import { Session, spoken } from "./session.js";
import { several } from "./several.js";
import { SingleView } from "./single_view.js";
import { curve, progress, why } from "./sidebar.js";

/** Settings that are stored in this browser. */
const memory = {
  /** @type {(name: string) => string | null} */
  get: (name) => { try { return localStorage.getItem(`spotal-page/${name}`); } catch { return null; } },
  /** @type {(name: string, value: string) => void} */
  set: (name, value) => { try { localStorage.setItem(`spotal-page/${name}`, value); } catch { /* not stored */ } },
};

const ZOOM = 1.6; // factor of one key
const session = new Session();
const single = new SingleView($("show"));
const grid = new Grid($("show"), session, (number) => { session.go(number); look("one"); });
const map = new PoolMap(session, {
  open: (number) => { session.go(number); look("one"); },
  browse: (box) => { review.within(box); look("review"); },
  enlarge: () => enlarge(!document.body.classList.contains("large-map")),
});
const over = new Finished($("show"), session, () => look("confirm"));
const review = new Review($("show"), session, update);
const confirm = new Confirm($("show"), session);
/** @type {SingleView | Grid | Review | Confirm} */ let view = single;
/** @type {Answers | null} */ let answers = null;
/** @type {string | null} classes that the buttons show */
let shown = null;
let ended = false;
/** @type {string | null} name of the person if nobody gave one on the page */
let fallback = null;
/** @type {number | "over" | null} the last announced item */
let announced = null;

function update() {
  const { state, task } = session;
  banner();
  document.body.classList.toggle("saving", session.saving);
  if (!state) return;
  $("project").textContent = state.name;
  document.title = `${session.open.length ? `${session.open.length} to label` : "Done"} · ${state.name} · spotal`;
  $("round").textContent = state.round ? `Round ${state.round.number + 1}` : "";
  $("round").title = state.round ? `Picked by ${state.round.strategy}` : "";
  $("who").textContent = session.annotator ?? "";
  progress($("progress"), state, session.fresher);
  const buttons = `${state.many} ${state.classes.join("\n")}`;
  if (shown !== buttons) {
    shown = buttons;
    answers = new Answers($("answers"), state.classes, act);
  }
  const word = task ? session.words.get(task.number) : undefined;
  const isApart = view === review || view === confirm;
  $("view-confirm").hidden = !state.guesses;
  const isOver = isApart ? false : !task || (!session.open.length && !word && !task.elsewhere);
  if (isOver) {
    if (!ended) {
      announced = null;
      over.open();
    }
    over.update(state);
  } else {
    if (ended || !$("show").childElementCount) view.open();
    view.update(session);
  }
  ended = isOver;
  const many = isApart || (view === grid && grid.targets.length > 1);
  const off = isOver || (view instanceof Review && !review.targets.length);
  const targets = isOver ? [] : targeted();
  if (several.on) several.begin(targets, targets.length === 1 ? saidOf(targets[0]) : null);
  answers?.update({ guess: many ? [] : (task?.guess ?? []), word: many ? null : (word ?? null), off });
  $("answers").classList.toggle("over", isOver || view === confirm);
  why($("why"), isOver || many ? null : task, state);
  curve($("curve"), state.curve);
  map.update();
  if (!isApart) announce(isOver);
}

/** Show a problem, or the end of it, in the banner. */
function banner() {
  const place = $("banner");
  const waiting = session.outbox?.size ?? 0;
  let text = "";
  if (session.lost) {
    const place = session.outbox?.fragile ? "on this page (do not close it)" : "in this browser";
    text = `${session.lost} You can continue: your answers are kept ${place} and sent when the server is back. ${count(waiting, "answer")} waiting.`;
    if (!session.state) text = `${session.lost} Trying again.`;
  } else if (session.problem) text = session.problem;
  else if (session.back) text = `The server is back: ${count(session.back, "kept answer")} saved.`;
  place.classList.toggle("good", !session.lost && !session.problem);
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

/** Announce the item shown, once. @param {boolean} isOver */
function announce(isOver) {
  const { task } = session;
  const key = isOver || !task ? "over" : task.number;
  if (announced === key || session.saving) return;
  const first = announced === null;
  announced = key;
  if (isOver || !task) {
    announceText("No items left to answer");
    return;
  }
  const best = several.guessed(task.guess);
  const guess = best ? `, ${task.suggested ? "a file suggests" : "the model guesses"} ${spoken(best)}` : "";
  announceText(`${first ? "" : "Next: "}${task.text?.slice(0, 300) ?? task.id}${task.votes ? ", conflict" : ""}${guess}`);
}

/** @type {string[]} */ let words = [];
/** Announce a sentence, together with others of the same moment. @param {string} text */
function announceText(text) {
  words.push(text);
  queueMicrotask(() => {
    if (!words.length) return;
    say(`${words.join(". ")}.`);
    words = [];
  });
}

/** Return the numbers of the items that an answer is for. */
function targeted() {
  if (view instanceof SingleView) return session.current === null ? [] : [session.current];
  return view.targets;
}

/** Return this person's answer to an item. @param {number | undefined} number */
function saidOf(number) {
  if (number === undefined) return null;
  const before = review.items.find((item) => item.number === number)?.votes[session.annotator ?? ""];
  return session.words.get(number) ?? (view === review ? before : null);
}

/** @type {Act} */
function act(kind, label) {
  if (several.on && kind === "label" && label !== undefined) {
    if (ended || !targeted().length) return;
    several.toggle(label);
    announceText(`${label} ${several.names.has(label) ? "chosen" : "removed"}`);
    update();
  } else if (kind === "confirm") {
    const { kind, label } = several.answer;
    settle(kind, label);
  } else settle(kind, label ?? null);
}

/** @param {Parameters<Act>[0]} kind @param {string | null} label */
function settle(kind, label) {
  if (kind === "confirm") return;
  session.problem = null;
  session.back = null;
  if (kind === "undo") session.undo();
  else if (kind === "back" || kind === "next") session.step(kind === "next");
  else {
    const targets = targeted();
    if (ended || !targets.length) return;
    if (view.obstacle && kind === "label") {
      session.problem = `${view.obstacle}.`;
      update();
      return;
    }
    const shown = view === review ? review.contents : undefined;
    grid.marked.clear();
    review.marked.clear();
    session.answer(targets, kind, label, shown);
  }
}

/** @param {"one" | "grid" | "review" | "confirm"} name */
function look(name) {
  view = { one: single, grid, review, confirm }[name];
  enlarge(false);
  const isApart = view === review || view === confirm;
  if (!isApart) memory.set("view", name);
  ended = ended && !isApart;
  document.body.classList.toggle("as-grid", view === grid);
  document.body.classList.toggle("as-review", isApart);
  $("view-one").setAttribute("aria-pressed", String(view === single));
  $("view-grid").setAttribute("aria-pressed", String(view === grid));
  $("view-confirm").setAttribute("aria-pressed", String(view === confirm));
  $("view-review").setAttribute("aria-pressed", String(view === review));
  if (!ended) view.open();
  update();
}

/** Return whether Enter presses the focused button. @param {Element | null} target */
const isPressed = (target) => Boolean(target?.closest("button, a")) && !target?.closest(".classes");

/** @param {KeyboardEvent} event */
function onKey(event) {
  const isLarge = document.body.classList.contains("large-map"); // it hides the item, so no key answers
  if (isLarge && event.key === "Escape") enlarge(false);
  const command = action(event, {
    classes: session.state?.classes ?? [],
    guess: view === review || view === confirm ? undefined : session.task?.guess[0]?.label,
    single: $("keys-on", HTMLInputElement).checked,
    typing: isTyping(/** @type {Element | null} */ (event.target)) || document.querySelector("dialog[open]") !== null,
    several: several.on && (several.dirty || !isPressed(/** @type {Element | null} */ (event.target))),
  });
  if (!command || (!session.state && command.do !== "help") || (isLarge && command.do !== "help" && command.do !== "view")) return;
  event.preventDefault();
  if (command.do === "answer") act(command.kind, command.label ?? undefined);
  else if (command.do === "confirm") act("confirm");
  else if (command.do === "guess") {
    const guess = several.guessed(session.task?.guess ?? []);
    if (guess) settle(guess.kind, guess.label);
  }
  else if (command.do === "view") look(view === single ? "grid" : "one");
  else if (command.do === "find") answers?.find();
  else if (command.do === "help") help();
  else if (command.do === "in") single.zoom.by(ZOOM);
  else if (command.do === "out") single.zoom.by(1 / ZOOM);
  else if (command.do === "whole") single.zoom.reset();
  else act(command.do);
}

/** Show the large map in place of the item, or the item again. @param {boolean} isLarge */
function enlarge(isLarge) {
  document.body.classList.toggle("large-map", isLarge);
  map.tools.large.setAttribute("aria-label", isLarge ? "Smaller map" : "Larger map");
  map.tools.large.setAttribute("aria-pressed", String(isLarge));
  if (isLarge) scrollTo({ top: 0 });
}

function help() {
  for (const key of document.querySelectorAll("#keys kbd")) {
    const what = several.on ? HELP_SEVERAL.get(key.textContent ?? "") : undefined;
    if (what && key.parentElement?.nextElementSibling) key.parentElement.nextElementSibling.textContent = what;
  }
  $("help", HTMLDialogElement).showModal();
}

/** Ask before an answer of an earlier round is undone. @param {import("./session.js").Step} step */
function askEarlier(step) {
  const [one] = step;
  if (!one) return;
  const what = step.length > 1 ? `${step.length} answers that you gave together` : `Your answer${one.name === null ? "" : ` about ${one.name}`}`;
  $("earlier-text").textContent = `${what} ${step.length > 1 ? "are" : "is"} from round ${one.round + 1}. The current batch was chosen later. After the undo, the item is asked again. The model still uses the old answer until it is trained again.`;
  const dialog = $("earlier", HTMLDialogElement);
  dialog.returnValue = "keep";
  dialog.onclose = () => { if (dialog.returnValue === "undo") session.undo(true); };
  dialog.showModal();
}

/** Use the last name given in this browser, unless the server was started for another person since. */
function greet() {
  fallback = session.annotator;
  const [of, name] = JSON.parse(memory.get("annotator") ?? "[]");
  if (name && of === fallback) session.rename(name);
  else if (!fallback) askName();
}

/** Ask who labels. */
function askName() {
  const field = $("name-field", HTMLInputElement);
  field.value = session.annotator ?? "";
  $("name", HTMLDialogElement).showModal();
  field.select();
}

function start() {
  $("keys").append(...HELP.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]));
  $("help-button").onclick = help;
  $("view-one").onclick = () => look("one");
  $("view-grid").onclick = () => look("grid");
  $("view-confirm").onclick = () => look("confirm");
  $("view-review").onclick = () => look("review");
  $("who").onclick = askName;
  const keysOn = $("keys-on", HTMLInputElement);
  keysOn.checked = memory.get("keys") !== "off";
  keysOn.onchange = () => memory.set("keys", keysOn.checked ? "on" : "off");
  $("name").oncancel = (event) => { if (!session.annotator) event.preventDefault(); };
  $("name-form").onsubmit = () => {
    const name = $("name-field", HTMLInputElement).value.trim();
    if (!name) return;
    memory.set("annotator", JSON.stringify([fallback, name]));
    session.rename(name);
  };
  document.addEventListener("keydown", onKey);
  addEventListener("online", () => session.retry());
  addEventListener("beforeunload", (event) => { if (session.outbox?.fragile) event.preventDefault(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && session.state && !session.lost) session.refresh(); });
  session.addEventListener("change", update);
  session.addEventListener("say", (event) => announceText(/** @type {CustomEvent<string>} */ (event).detail));
  session.addEventListener("ask", (event) => askEarlier(/** @type {CustomEvent} */ (event).detail));
  session.addEventListener("file", (event) => {
    const file = /** @type {CustomEvent<string>} */ (event).detail;
    h("a", { href: `download/${file}`, download: "" }).click();
  });
  if (memory.get("view") === "grid") look("grid");
  session.addEventListener("open", greet, { once: true });
  session.begin();
}

start();
