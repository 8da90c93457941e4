// The session: the tasks, the answers and the current item. This module does not use the page's elements.
//
// Events: "open" once, "change" when the page must be updated, "say" with a sentence to announce, "mark" with items whose
// mark on the map changed, "file" with the name of a file to download, "ask" before undo of a step of an earlier round.

/** @import { Answer, Change, Job, Kind, Reply, State, Task, Undoable, Word } from "../protocol.d.ts" */
/**
 * @typedef {{ id: string, item: number, name: string | null, round: number, before: Word | null }[]} Step answers that
 *   one undo removes; `name` of the item, and the newest `round` when it was answered
 */
/** @typedef {Task & { rank: number, elsewhere: boolean }} Shown a task, its rank, and whether somebody else answered it */
/** @typedef {Pick<BroadcastChannel, "postMessage"> & { onmessage: ((event: any) => void) | null }} Channel */

import { Lost, get, post } from "./api.js";
import { isRunning, result } from "./jobs.js";
import { Outbox, newId } from "./outbox.js";
import { several } from "./several.js";

const POLL = 15_000;
const POLL_DONE = 4_000; // while waiting for the next batch
const POLL_JOB = 1_000; // while a job is running
const PAUSE = 1_000; // between two requests for changes while a person answers
const HELD = 200; // number of tasks to load
const FEW = 100; // with fewer tasks left, the page loads more
const RETRY = [500, 1_000, 2_000, 4_000];

export class Session extends EventTarget {
  /** @type {string | null} */ annotator = null;
  /** @type {State | null} the server's last full state with all changes since */
  state = null;
  /** @type {Map<number, Task>} open tasks of this annotator in `state`, by number */
  serverTasks = new Map();
  /** @type {Map<number, Shown>} tasks on the page by number, in their order */
  tasks = new Map();
  /** @type {Map<number, Word>} answers of this page, and unsent answers of all tabs, by number */
  words = new Map();
  /** @type {Set<number>} numbers answered on this page */
  own = new Set();
  /** @type {Step[]} */ stack = [];
  /** @type {number | null} the item shown */
  current = null;
  /** @type {number | undefined} the item to show when it arrives */
  wanted;
  /** @type {string | null} why the server cannot be reached */
  lost = null;
  /** @type {string | null} another problem */
  problem = null;
  /** @type {number | null} number of answers that were sent when the server came back */
  back = null;
  /** @type {Job | null} the running job, or the last one */
  job = null;
  /** @type {string[]} tasks that can be started */
  jobs = [];
  /** @type {Set<number>} running jobs that were started here */
  started = new Set();
  /** @type {Outbox | undefined} */ outbox;
  /** @type {Channel | undefined} */ tabs;
  isOpened = false;
  fresh = true; // whether no state has arrived yet
  wholes = 0; // number of full states since the page was opened
  saving = false;
  failures = 0;
  recorded = 0; // number of answers since the page was opened
  again = false; // whether to request the state once more
  /** @type {Promise<void> | null} */ refreshing = null;
  /** @type {ReturnType<typeof setTimeout> | null} */ pause = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ poller;

  /**
   * @param {object} [means]
   * @param {import("./api.js").Get} [means.ask]
   * @param {import("./api.js").Post} [means.tell]
   * @param {(project: string) => Outbox} [means.openOutbox]
   * @param {(name: string) => Channel} [means.openChannel] to the other tabs of this browser
   */
  constructor({ ask = get, tell = post, openOutbox = (project) => new Outbox(project), openChannel = (name) => new BroadcastChannel(name) } = {}) {
    super();
    this.ask = ask;
    this.tell = tell;
    this.openOutbox = openOutbox;
    this.openChannel = openChannel;
  }

  async begin() {
    await this.connect(() => this.load());
    this.poll();
  }

  async load() {
    /** @type {State} */ const first = await this.ask(`api/state${this.query()}`);
    this.annotator = first.annotator;
    this.outbox = this.openOutbox(first.key);
    this.tabs = this.openChannel(`spotal/${first.key}`);
    this.tabs.onmessage = () => this.lost || this.soon();
    this.hear(first.job, first.jobs);
    if (this.outbox.size) {
      const waiting = this.outbox.size;
      await this.send();
      this.back = waiting;
      await this.fetchState();
    } else this.merge(first);
    this.opened();
  }

  /** Fire "open" once. */
  opened() {
    if (!this.isOpened) this.dispatchEvent(new Event("open"));
    this.isOpened = true;
  }

  /** Return the unsent answers by item. */
  waiting() {
    /** @type {Map<number, Word>} */ const words = new Map();
    for (const [, { item, kind, label = null }] of this.outbox?.all() ?? []) {
      if (kind === "undo") words.delete(item);
      else words.set(item, { kind, label });
    }
    return words;
  }

  /** Change the person who answers. @param {string} annotator */
  async rename(annotator) {
    this.annotator = annotator;
    this.stack = [];
    this.words.clear();
    this.own.clear();
    this.tasks.clear();
    this.state = null;
    this.serverTasks.clear();
    await this.refresh();
  }

  get task() {
    return this.current === null ? null : (this.tasks.get(this.current) ?? null);
  }

  /** @param {number} number */
  isOpen(number) {
    return !this.words.has(number) && !this.tasks.get(number)?.elsewhere;
  }

  get open() {
    return [...this.tasks.keys()].filter((number) => this.isOpen(number));
  }

  /** Number of answers of this page that are not in the server's last state. */
  get fresher() {
    return [...this.serverTasks.values()].filter(({ number, votes }) => !votes && this.words.has(number)).length;
  }

  /** @param {number | null | undefined} number */
  go(number) {
    if (number === null || number === undefined) return;
    if (!this.tasks.has(number) || this.saving) return;
    this.current = number;
    this.changed();
  }

  /** Go to the next item without an answer, or to the previous item in the list. @param {boolean} forward */
  step(forward) {
    const all = [...this.tasks.keys()];
    const at = this.current === null ? -1 : all.indexOf(this.current);
    if (!forward) {
      this.go(all.at(at < 0 ? -1 : Math.max(0, at - 1)));
      return;
    }
    const open = [...all.slice(at + 1), ...all.slice(0, at)].find((number) => this.isOpen(number));
    if (open === undefined && this.task?.elsewhere && !this.saving) {
      this.current = null; // other people have answered all remaining items
      this.changed();
    } else this.go(open ?? all[at + 1] ?? this.current);
  }

  /**
   * Record an answer about items. The next item is shown when the answer is on disk, or in the outbox if the server is lost.
   * @param {number[]} numbers
   * @param {Kind} kind
   * @param {string | null} [label]
   * @param {Map<number, string>} [shown] contents of shown items that are not tasks, by number
   * @param {boolean} [suggested] whether the answer confirms a suggestion
   */
  async answer(numbers, kind, label = null, shown = new Map(), suggested = false) {
    if (this.saving || !numbers.length) return;
    const entries = numbers.map((item) => {
      const content = shown.get(item) ?? this.tasks.get(item)?.content; // the answer is about this content, even if the item changes
      return { id: newId(), item, annotator: this.annotator, kind, label, ...(content && { content }), ...(suggested && { suggested }) };
    });
    const round = this.state?.round?.number ?? -1;
    this.stack.push(entries.map(({ id, item }) => ({ id, item, name: this.tasks.get(item)?.id ?? null, round, before: this.words.get(item) ?? null })));
    await this.record(entries, () => {
      for (const { item } of entries) this.words.set(item, { kind, label });
      for (const number of numbers) this.own.add(number);
      this.mark(numbers);
      if (this.current !== null && numbers.includes(this.current)) this.next();
      return `${spoken({ kind, label })}${numbers.length > 1 ? `, ${numbers.length} items` : ""}`;
    });
  }

  /**
   * Undo the last answer and show its item. For an answer from before the current batch, ask first.
   * @param {boolean} [isSure]
   */
  async undo(isSure = false) {
    if (this.saving) return;
    const last = this.stack.at(-1);
    if (!last) return this.say("Nothing to undo");
    if (!isSure && last.some(({ round }) => round < (this.state?.round?.number ?? -1))) {
      this.dispatchEvent(new CustomEvent("ask", { detail: last }));
      return;
    }
    this.stack.pop();
    const entries = last.map(({ id, item, before }) => ({
      before,
      answer: { id: newId(), item, annotator: this.annotator, kind: /** @type {const} */ ("undo"), of: id },
    }));
    const answers = entries.map(({ answer }) => answer);
    await this.record(answers, (replies) => {
      entries.forEach(({ before, answer: { id, item } }) => {
        const now = replies.get(id)?.now ?? (this.lost ? before : null);
        if (now) this.words.set(item, now);
        else {
          this.words.delete(item);
          this.own.delete(item);
        }
        const task = this.tasks.get(item);
        if (task) task.elsewhere = false;
      });
      this.mark(last.map(({ item }) => item));
      const item = last[0]?.item;
      if (item !== undefined && this.tasks.has(item)) this.current = item;
      else this.wanted = item; // from an earlier batch: it arrives with the next state
      return "Undone";
    });
  }

  /**
   * @param {Answer[]} entries
   * @param {(replies: Outbox["replies"]) => string} done returns the sentence to announce when all are stored
   */
  async record(entries, done) {
    this.saving = true;
    this.changed();
    for (const entry of entries) this.outbox?.put(entry);
    /** @type {Outbox["replies"]} */ let replies = new Map();
    try {
      if (!this.lost) replies = await this.send(); // otherwise it is sent when the server is back
    } catch (error) {
      this.fail(error);
    }
    this.saving = false;
    this.recorded++;
    if (!entries.some(({ id }) => replies.get(id)?.error)) this.say(done(replies));
    this.changed();
    this.tabs?.postMessage("changed");
    if (!this.lost) {
      if (this.open.length && this.wanted === undefined) this.soon();
      else await this.refresh();
    }
    this.poll();
  }

  /** Refresh the state, at most once in `PAUSE`. */
  soon() {
    this.pause ??= setTimeout(() => {
      this.pause = null;
      if (this.saving) this.soon();
      else if (!this.lost) this.refresh();
    }, PAUSE);
  }

  /** Start a job on the server. @param {string} task */
  async start(task) {
    this.problem = null;
    await this.connect(async () => {
      const { job } = await this.tell("api/jobs", { project: this.outbox?.project, task, annotator: this.annotator });
      this.started.add(job.id);
      this.hear(job);
      this.tabs?.postMessage("changed");
    });
    this.poll();
  }

  /** Cancel the running job. */
  async cancel() {
    const id = this.job?.id;
    await this.connect(async () => {
      const { job } = await this.tell("api/jobs/cancel", { project: this.outbox?.project, id });
      this.hear(job);
    });
    this.poll();
  }

  /** Update the job. @param {Job | null} job @param {string[]} [jobs] tasks that can be started */
  hear(job, jobs = this.jobs) {
    if (job && this.job && job.id < this.job.id && isRunning(this.job)) return; // a reply from before the job was started
    const isNews = JSON.stringify([job, jobs]) !== JSON.stringify([this.job, this.jobs]);
    const before = this.job;
    this.job = job;
    this.jobs = jobs;
    if (!isNews) return;
    if (job && (before?.id !== job.id || before.outcome !== job.outcome)) {
      if (isRunning(job)) this.say(job.doing);
      else if (before?.id === job.id && result(job)) this.say(result(job).slice(0, -1));
      if (!isRunning(job) && this.started.delete(job.id) && job.file) this.dispatchEvent(new CustomEvent("file", { detail: job.file }));
    }
    this.changed();
  }

  /** Send all waiting answers; throws Lost. */
  async send() {
    const { outbox } = this;
    if (!outbox) throw new Lost("The server cannot be reached.");
    const waiting = outbox.size;
    const replies = await outbox.flush();
    if (this.lost) this.restored(waiting);
    for (const { error, answer } of outbox.refused.splice(0)) {
      this.problem = `An answer was not recorded: ${error}.`;
      this.words.delete(answer.item);
      this.own.delete(answer.item);
      this.stack = this.stack.filter((group) => group.every(({ id }) => id !== answer.id));
    }
    return replies;
  }

  next() {
    const all = [...this.tasks.keys()];
    const at = this.current === null ? -1 : all.indexOf(this.current);
    this.current = [...all.slice(at + 1), ...all.slice(0, at)].find((number) => this.isOpen(number)) ?? null;
  }

  /** Request the state. If a request is running, send one more after it. */
  refresh() {
    this.again = true;
    this.refreshing ??= this.connect(async () => {
      while (this.again) {
        this.again = false;
        await this.fetchState();
      }
    }).finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  async fetchState() {
    const { recorded } = this;
    /** @type {Reply} */ const reply = await this.ask(`api/state${this.query(this.version())}`);
    if (reply.key !== this.outbox?.project) {
      throw new Lost("Another project is served at this address now: start spotal label again for this project.");
    }
    if (this.lost) {
      if (this.outbox.size) await this.send(); // answers that were stored during this request
      else this.restored(0);
    }
    this.hear(reply.job, reply.jobs);
    if (!reply.tasks || recorded !== this.recorded || this.saving) return; // no changes, or older than an answer
    if (reply.annotator !== this.annotator) return; // requested before the name changed
    if (reply.gone) this.change(reply);
    else this.merge(reply);
  }

  /** Return the version of the page's state, and the number of tasks to load. */
  version() {
    if (!this.state?.version) return {};
    const { version, end } = this.state;
    const open = [...this.serverTasks.keys()].filter((number) => !this.words.has(number)).length;
    return { version, end, more: open < FEW ? HELD - open : 0, undoable: this.stack.length ? undefined : 1 };
  }

  /** @param {Record<string, string | number | undefined>} [asked] */
  query(asked = {}) {
    const given = new URLSearchParams();
    if (this.annotator) given.set("annotator", this.annotator);
    for (const [name, value] of Object.entries(asked)) if (value !== undefined) given.set(name, String(value));
    return String(given) && `?${given}`;
  }

  /** Apply a full state. @param {State} state */
  merge(state) {
    const isNew = this.state !== null && state.round?.number !== this.state.round?.number;
    this.state = state;
    several.on = state.many;
    this.wholes++;
    this.serverTasks = new Map(state.tasks.map((task) => [task.number, task]));
    if (isNew) {
      // the last batch is done, and its answers are on disk
      for (const number of [...this.tasks.keys()]) if (!this.serverTasks.has(number)) this.tasks.delete(number);
      this.words.clear();
      this.own.clear();
    }
    this.fit([...this.serverTasks.keys()]);
    for (const [number, task] of this.tasks) task.elsewhere = !this.serverTasks.has(number) && !this.own.has(number);
    this.settle(state);
    if (isNew) this.say(`A new batch of ${state.tasks.length}`);
    this.changed();
  }

  /** Apply changes. @param {Change} changes */
  change(changes) {
    const { tasks, still, gone, marks, undoable, ...figures } = changes;
    if (!this.state || still.some((number) => !this.tasks.has(number))) {
      if (this.state) this.state.version = ""; // undone, and from before this page was loaded: load everything
      this.again = true;
      return;
    }
    Object.assign(this.state, figures);
    for (const task of tasks) this.serverTasks.set(task.number, task);
    for (const number of still) {
      const task = this.tasks.get(number);
      if (task) this.serverTasks.set(number, { ...task, votes: null });
    }
    this.fit([...tasks.map(({ number }) => number), ...still]);
    for (const number of gone) {
      this.serverTasks.delete(number);
      const task = this.tasks.get(number);
      if (task) task.elsewhere = !this.own.has(number);
    }
    this.settle(changes);
    this.dispatchEvent(new CustomEvent("marks", { detail: marks }));
    this.changed();
  }

  /** Add open tasks of the server, which does not have the unsent answers. @param {number[]} numbers */
  fit(numbers) {
    const waiting = this.waiting();
    if (this.fresh) for (const number of waiting.keys()) this.own.add(number); // answered before the page was reloaded
    this.fresh = false;
    for (const number of numbers) {
      const task = this.serverTasks.get(number);
      if (!task) continue;
      if (!task.votes && !waiting.has(number)) this.words.delete(number); // undone elsewhere
      const rank = this.tasks.get(number)?.rank ?? (task.votes ? -1 : task.order); // tasks on the page keep their order
      this.tasks.set(number, { ...task, rank, elsewhere: false });
    }
    for (const [number, word] of waiting) this.words.set(number, word);
    this.tasks = new Map([...this.tasks].sort(([, a], [, b]) => a.rank - b.rank));
  }

  /** @param {{ undoable?: Undoable }} reply */
  settle({ undoable }) {
    if (!this.stack.length && undoable) this.stack = earlier(undoable);
    if (this.wanted !== undefined && this.tasks.has(this.wanted)) this.current = this.wanted;
    this.wanted = undefined;
    if (this.current === null || !this.tasks.has(this.current)) this.current = this.open[0] ?? null;
  }

  /** @param {() => Promise<void>} work */
  async connect(work) {
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {unknown} error */
  fail(error) {
    if (!(error instanceof Lost)) {
      this.problem = error instanceof Error ? error.message : String(error);
      this.changed();
      return;
    }
    this.lost = error.message;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.retry(), RETRY[Math.min(this.failures++, RETRY.length - 1)]);
    this.changed();
  }

  async retry() {
    if (!this.lost || this.saving) return;
    await this.connect(async () => {
      if (!this.outbox) return this.load();
      await this.send();
      await this.fetchState();
      this.opened(); // the server was lost while the page was loaded
    });
  }

  /** @param {number} sent */
  restored(sent) {
    this.lost = null;
    this.failures = 0;
    clearTimeout(this.timer);
    this.back = sent || this.back; // the banner is shown until the next answer
    this.say(sent ? `The server is back, ${sent} kept ${sent === 1 ? "answer" : "answers"} saved` : "The server is back");
    this.changed();
  }

  poll() {
    const wait = isRunning(this.job) ? POLL_JOB : this.open.length ? POLL : POLL_DONE;
    clearTimeout(this.poller);
    this.poller = setTimeout(async () => {
      if (!document.hidden && !this.lost && !this.saving) await this.refresh();
      this.poll();
    }, wait);
  }

  /** @param {number[]} numbers */
  mark(numbers) {
    this.dispatchEvent(new CustomEvent("mark", { detail: numbers }));
  }

  /** @param {string} text */
  say(text) {
    this.dispatchEvent(new CustomEvent("say", { detail: text }));
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const NAMES = { skip: "Skipped", none_of_these: "None of these" };

/** Return an answer in words. @param {Word} word */
export const spoken = ({ kind, label }) => (kind === "label" ? several.phrase(label) : NAMES[kind]);

/** Return the answers of earlier visits as steps that can be undone. @param {Undoable} undoable @returns {Step[]} */
const earlier = (undoable) => undoable.map((one) => [{ ...one, before: null }]).reverse();
