// One item at a time.

/** @import { State, Task } from "../protocol.d.ts" */
/** @import { Session, Shown } from "./session.js" */

import { count, h, picture } from "./dom.js";
import { spoken } from "./session.js";

const AHEAD = 4; // images that are loaded before they are wanted

export class SingleView {
  /** @type {number | null} */
  shown = null;
  /** @type {string | null} */
  content = null;
  /** @type {HTMLImageElement | null} */
  image = null;
  /** @type {HTMLImageElement[]} */
  ahead = [];

  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.frame = h("div", { className: "frame" });
    this.caption = h("p", { className: "caption" });
    this.notice = h("p", { className: "notice", hidden: true });
  }

  open() {
    this.place.replaceChildren(this.frame, this.caption, this.notice);
  }

  /** Why the item cannot be answered now, or null. */
  get obstacle() {
    if (!this.image || (this.image.complete && this.image.naturalWidth)) return null;
    return this.image.complete ? "The picture cannot be shown: skip it, or say none of these" : "Wait until the picture shows";
  }

  /** @param {Session} session */
  update(session) {
    const { task } = session;
    if (!task) return;
    const all = [...session.tasks.keys()];
    if (this.shown !== task.number || this.content !== task.content) this.show(task);
    const place = `${all.indexOf(task.number) + 1} of ${all.length}`;
    this.caption.replaceChildren(h("span", { className: "id", title: task.id }, task.id), h("span", {}, place));
    const words = this.words(session, task);
    this.notice.hidden = !words;
    this.notice.textContent = words;
    const after = session.open.filter((number) => number !== task.number).slice(0, AHEAD);
    this.ahead = after.flatMap((number) => session.tasks.get(number)?.large ?? []).map(preload);
  }

  /** @param {Task} task */
  show(task) {
    this.shown = task.number;
    this.content = task.content;
    this.image = null;
    if (task.kind === "image") this.frame.replaceChildren(this.picture(task));
    else if (task.kind === "text") this.frame.replaceChildren(h("blockquote", { tabIndex: 0, className: "reading" }, task.text));
    else this.frame.replaceChildren(h("p", { className: "blank" }, "This project has numbers only, nothing to show: look up", h("b", {}, task.id)));
  }

  /** @param {Task} task */
  picture(task) {
    const image = picture(task.large ?? "", { alt: `Item ${task.id}`, decoding: "sync" });
    image.onerror = () => image.replaceWith(h("p", { className: "blank" }, "The picture cannot be shown:", h("b", {}, task.id)));
    this.image = image;
    return image;
  }

  /**
   * What is to be said about the item and its answers.
   * @param {Session} session
   * @param {Shown} task
   */
  words(session, task) {
    const word = session.words.get(task.number);
    if (word) return `You said: ${word.kind === "label" ? word.label : spoken(word).toLowerCase()}. Answer again to change it.`;
    if (task.elsewhere) return "Answered meanwhile, in another tab or by somebody else. Go on (→), or answer too.";
    if (!task.votes) return "";
    const votes = Object.entries(task.votes).map(([who, label]) => `${who} says ${label ?? "none of these"}`);
    return `Conflict: ${votes.join(", ")}. Your answer counts too.`;
  }
}

/** @param {string} source */
function preload(source) {
  const image = new Image();
  image.src = source;
  return image;
}

/**
 * What to do when nothing is left for this person.
 * @param {State} state
 * @param {number} waiting answers that are not on disk yet
 * @param {number} fresher answers that are not in `state`
 */
export function finished(state, waiting, fresher) {
  const { counts, folder, round } = state;
  /** @param {string} name */
  const command = (name) => h("code", { className: "command" }, `spotal ${name} ${/^[\w./-]+$/.test(folder) ? folder : `'${folder}'`}`);
  if (!round) return h("div", { className: "finished" }, h("h2", {}, "No batch yet"), h("p", {}, "Choose the first one:"), command("next"));
  const saved = waiting
    ? h("p", {}, h("b", {}, `${count(waiting, "answer")} not saved yet: keep this browser and start the server again.`))
    : null;
  const others = counts.overlap > 1 ? counts.open : counts.open - fresher;
  if (others > 0) {
    const rest = [
      h("p", {}, `Your answers are saved. ${state.waits}. The next batch comes when they are answered.`),
      h("p", { className: "note" }, "Somebody else can answer here under their own name (the button at the top changes it), or at this address, started by"),
      command("label --annotator NAME"),
    ];
    return h("div", { className: "finished" }, h("h2", {}, "Your part is done"), ...(saved ? [saved] : rest));
  }
  const spent = counts.left !== null && counts.left < (counts.cost === null ? counts.overlap : Number.MIN_VALUE);
  const tied = counts.conflicts ? h("p", {}, `People disagree about ${count(counts.conflicts, "item")}: the next person to open this page is asked.`) : null;
  return h(
    "div",
    { className: "finished" },
    h("h2", {}, spent ? "The budget is spent" : "This batch is done"),
    saved ?? h("p", {}, `Round ${round.number + 1} is answered. Every answer is saved.`),
    tied,
    h("p", {}, spent ? "Train on all labels:" : "Train on them and choose the next batch:"),
    command(spent ? "train" : "next"),
    spent ? null : h("p", { className: "note" }, "The new batch shows here by itself."),
  );
}
