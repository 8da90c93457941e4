// The page when all items of the batch are answered: choose the next batch, or download results.

/** @import { Job, State } from "../protocol.d.ts" */
/** @import { Session } from "./session.js" */

import { count, h } from "./dom.js";
import { OFFERS, capital, isRunning, result, step, timeLeft } from "./jobs.js";

export class Finished {
  key = "";
  /** @type {HTMLElement | null} */ active = null;

  /** @param {HTMLElement} place @param {Session} session @param {() => void} confirm shows the suggestions */
  constructor(place, session, confirm) {
    this.place = place;
    this.session = session;
    this.confirm = confirm;
    this.step = h("p", { className: "step" });
    this.bar = h("progress", { "aria-label": "Progress" });
    this.left = h("p", { className: "note" });
    this.cancel = h("button", { type: "button", className: "plain", onclick: () => session.cancel() }, "Cancel");
  }

  open() {
    this.key = "";
  }

  /** @param {State} state */
  update(state) {
    const { job, jobs, outbox, fresher, annotator } = this.session;
    const waiting = outbox?.size ?? 0;
    const key = JSON.stringify([state.counts, state.round, state.waits, waiting, fresher, job?.id, job?.outcome, jobs, annotator]);
    if (key !== this.key || !this.place.querySelector(".finished")) {
      this.key = key;
      this.place.replaceChildren(this.content(state, waiting));
    }
    if (job && isRunning(job)) this.progress(job);
  }

  /** @param {Job} job */
  progress(job) {
    const text = step(job);
    if (this.step.textContent !== text) this.step.textContent = text;
    if (job.total) {
      this.bar.max = job.total;
      this.bar.value = job.done;
    } else this.bar.removeAttribute("value");
    this.left.textContent = timeLeft(job);
  }

  /** @param {State} state @param {number} waiting number of answers that are not saved yet */
  content(state, waiting) {
    const { counts, round } = state;
    const { job, jobs, fresher } = this.session;
    const running = job && isRunning(job) ? job : null;
    if (!round) {
      const title = running?.task === "next" ? "The first batch is being chosen" : "No batch yet";
      return finished(title, this.ended(), running ? this.running(running) : this.offer("next", "Choose the first batch"));
    }
    const others = counts.overlap > 1 ? counts.open : counts.open - fresher;
    const saved = waiting
      ? h("p", {}, h("b", {}, `${count(waiting, "answer")} not saved yet: do not clear this browser's data, and start the server again.`))
      : null;
    if (others > 0) {
      const rest = [
        h("p", {}, `Your answers are saved. ${state.waits}. The next batch can be chosen when these are answered.`),
        h("p", { className: "note" }, "Another person can answer here: the button with your name at the top changes the name."),
      ];
      return finished("Your part is done", ...(saved ? [saved] : rest));
    }
    const spent = counts.left !== null && counts.left < (counts.cost === null ? counts.overlap : Number.MIN_VALUE);
    const over = spent || job?.outcome === "finished";
    const tied = counts.conflicts ? h("p", {}, `People disagree about ${count(counts.conflicts, "item")}: the next person to open this page is asked.`) : null;
    const first = over ? "train" : "next";
    return finished(
      spent ? "The budget is spent" : "This batch is done",
      saved ?? h("p", {}, `Round ${round.number + 1} is answered. Every answer is saved.`),
      tied,
      this.ended(),
      waiting ? null : running ? this.running(running) : this.offer(first),
      waiting || running || over ? null : h("p", { className: "note" }, "A model is trained on all answers, and then the next items are chosen. Everybody who labels here gets them."),
      waiting || !state.guesses ? null : h("button", { type: "button", className: "plain", onclick: this.confirm }, "Confirm what the model is sure of"),
      waiting || running ? null : this.rest(jobs.filter((name) => name !== first && name !== "next")),
    );
  }

  /** @param {string} task @param {string} [text] */
  offer(task, text = name(task)) {
    if (!this.session.jobs.includes(task)) return null;
    return h("button", { type: "button", className: "primary", onclick: () => this.session.start(task) }, text);
  }

  /** @param {string[]} tasks */
  rest(tasks) {
    if (!tasks.length) return null;
    const buttons = tasks.map((task) => h("button", { type: "button", className: "plain", onclick: () => this.session.start(task) }, task === "train" ? name(task) : `Download ${name(task).toLowerCase()}`));
    return h("div", { className: "rest" }, h("h3", {}, "Or use the labels so far"), h("div", { className: "choices" }, buttons));
  }

  /** @param {Job} job */
  running(job) {
    const { annotator } = this.session;
    const by = job.by && job.by !== annotator ? `, started by ${job.by}` : "";
    return h("div", { className: "job" }, h("h3", {}, `${capital(job.doing)}${by}`), this.bar, this.step, this.left, this.cancel);
  }

  /** Return the result of the last job. */
  ended() {
    const { job } = this.session;
    const text = job ? result(job) : "";
    if (!job || !text) return null;
    const link = job.file ? h("a", { href: `download/${job.file}`, download: "" }, `Download ${job.file}`) : null;
    const notes = job.notes.map((note) => h("p", { className: "note" }, `${capital(note)}.`));
    return h("div", { className: job.outcome === "failed" ? "notice wrong" : "notice" }, h("p", {}, text), link, ...notes);
  }
}

/** @param {string} title @param {(Element | null)[]} parts */
const finished = (title, ...parts) => h("div", { className: "finished" }, h("h2", {}, title), ...parts);

/** @param {string} task */
const name = (task) => (Object.hasOwn(OFFERS, task) ? OFFERS[/** @type {keyof typeof OFFERS} */ (task)] : task);
