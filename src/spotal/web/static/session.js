// The session: what is to be answered, what was answered, and which item is looked at. Knows no element of the page.
//
// Fires "open" once, "change" when something to be shown changed, "say" with a sentence, "mark" with items whose mark
// on the map changed, "file" with the name of a file that was made for this page, "ask" with a step of an
// earlier round that undo would take back.

/** @import { Answer, Change, Job, Kind, Reply, State, Task, Undoable, Word } from "../protocol.d.ts" */
/**
 * @typedef {{ id: string, item: number, name: string | null, round: number, before: Word | null }[]} Step what one undo
 *   takes back; `name` of the item and the newest `round` of that time
 */
/** @typedef {Task & { rank: number, elsewhere: boolean }} Shown a task, its place, and whether somebody else answered it */
/** @typedef {Pick<BroadcastChannel, "postMessage"> & { onmessage: ((event: any) => void) | null }} Channel */

import { Lost, get, post } from "./api.js";
import { isRunning, result } from "./jobs.js";
import { Outbox, newId } from "./outbox.js";
import { several } from "./several.js";

const POLL = 15_000;
const POLL_DONE = 4_000; // for the next batch
const POLL_JOB = 1_000; // while the server is at work
const PAUSE = 1_000; // between two looks while one answers: an answer does not wait for what others did
const HELD = 200; // tasks to have at hand
const FEW = 100; // tasks left that let the page ask for more
const RETRY = [500, 1_000, 2_000, 4_000];

export class Session extends EventTarget {
  /** @type {string | null} */
  annotator = null;
  /** @type {State | null} as the server last gave it, as a whole and what changed since */
  state = null;
  /** @type {Map<number, Task>} tasks that wait for this annotator by that state, by number */
  told = new Map();
  /** @type {Map<number, Shown>} by number, in the order in which they are shown */
  tasks = new Map();
  /** @type {Map<number, Word>} what was answered here, or waits to be sent by any tab, by number */
  words = new Map();
  /** @type {Set<number>} numbers answered here */
  own = new Set();
  /** @type {Step[]} */
  stack = [];
  /** @type {number | null} the item that is looked at */
  current = null;
  /** @type {number | undefined} the item to look at when it comes */
  wanted;
  /** @type {string | null} why the server cannot be reached */
  lost = null;
  /** @type {string | null} what else went wrong */
  problem = null;
  /** @type {number | null} answers that were sent when the server came back */
  back = null;
  /** @type {Job | null} what the server is at work on, or was last */
  job = null;
  /** @type {string[]} tasks that can be started */
  jobs = [];
  /** @type {Set<number>} jobs that were started here and run still */
  started = new Set();
  /** @type {Outbox | undefined} */
  outbox;
  /** @type {Channel | undefined} */
  tabs;
  isOpened = false;
  fresh = true; // nothing merged yet
  wholes = 0; // states as a whole since the page was opened
  saving = false;
  failures = 0;
  recorded = 0; // answers since the page was opened
  again = false; // ask the server once more
  /** @type {Promise<void> | null} */
  refreshing = null;
  /** @type {ReturnType<typeof setTimeout> | null} */
  pause = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  poller;

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
    /** @type {State} */
    const first = await this.ask(`api/state${this.query()}`);
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

  /** Say once that there is a state to show. */
  opened() {
    if (!this.isOpened) this.dispatchEvent(new Event("open"));
    this.isOpened = true;
  }

  /** Answers that wait in the outbox, by item. */
  waiting() {
    /** @type {Map<number, Word>} */
    const words = new Map();
    for (const [, { item, kind, label = null }] of this.outbox?.all() ?? []) {
      if (kind === "undo") words.delete(item);
      else words.set(item, { kind, label });
    }
    return words;
  }

  /**
   * Who answers from now on.
   * @param {string} annotator
   */
  async rename(annotator) {
    this.annotator = annotator;
    this.stack = [];
    this.words.clear();
    this.own.clear();
    this.tasks.clear();
    this.state = null;
    this.told.clear();
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

  /** Answers of ours that the server's last state does not know of. */
  get fresher() {
    return [...this.told.values()].filter(({ number, votes }) => !votes && this.words.has(number)).length;
  }

  /** @param {number | null | undefined} number */
  go(number) {
    if (number === null || number === undefined) return;
    if (!this.tasks.has(number) || this.saving) return;
    this.current = number;
    this.changed();
  }

  /**
   * The next item without an answer, or the one before in the list.
   * @param {boolean} forward
   */
  step(forward) {
    const all = [...this.tasks.keys()];
    const at = this.current === null ? -1 : all.indexOf(this.current);
    if (!forward) {
      this.go(all.at(at < 0 ? -1 : Math.max(0, at - 1)));
      return;
    }
    const open = [...all.slice(at + 1), ...all.slice(0, at)].find((number) => this.isOpen(number));
    if (open === undefined && this.task?.elsewhere && !this.saving) {
      this.current = null; // others have answered all that was left
      this.changed();
    } else this.go(open ?? all[at + 1] ?? this.current);
  }

  /**
   * Record an answer about items; the next one is shown when it is on disk, or kept where the server is lost.
   * @param {number[]} numbers
   * @param {Kind} kind
   * @param {string | null} [label]
   * @param {Map<number, string>} [shown] contents of items that are shown and are no tasks, by number
   * @param {boolean} [suggested] whether the class was suggested and is confirmed
   */
  async answer(numbers, kind, label = null, shown = new Map(), suggested = false) {
    if (this.saving || !numbers.length) return;
    const entries = numbers.map((item) => {
      const content = shown.get(item) ?? this.tasks.get(item)?.content; // the answer is about this, whatever the item is by then
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
   * Take the last answer back and show its item. One that was given before the present batch was chosen is asked about
   * first.
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
    await this.record(answers, (said) => {
      entries.forEach(({ before, answer: { id, item } }) => {
        const now = said.get(id)?.now ?? (this.lost ? before : null);
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
      else this.wanted = item; // of a batch before: comes with the next state
      return "Taken back";
    });
  }

  /**
   * @param {Answer[]} entries
   * @param {(said: Outbox["said"]) => string} done what to say when all are kept
   */
  async record(entries, done) {
    this.saving = true;
    this.changed();
    for (const entry of entries) this.outbox?.put(entry);
    /** @type {Outbox["said"]} */
    let said = new Map();
    try {
      if (!this.lost) said = await this.send(); // else it is sent with all that waits
    } catch (error) {
      this.fail(error);
    }
    this.saving = false;
    this.recorded++;
    if (!entries.some(({ id }) => said.get(id)?.error)) this.say(done(said));
    this.changed();
    this.tabs?.postMessage("changed");
    if (!this.lost) {
      if (this.open.length && this.wanted === undefined) this.soon();
      else await this.refresh();
    }
    this.poll();
  }

  /** Look for what is new, at most once in a while. */
  soon() {
    this.pause ??= setTimeout(() => {
      this.pause = null;
      if (this.saving) this.soon();
      else if (!this.lost) this.refresh();
    }, PAUSE);
  }

  /**
   * Have the server do long work.
   * @param {string} task
   */
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

  /** Stop what the server is at work on. */
  async cancel() {
    const id = this.job?.id;
    await this.connect(async () => {
      const { job } = await this.tell("api/jobs/cancel", { project: this.outbox?.project, id });
      this.hear(job);
    });
    this.poll();
  }

  /**
   * Take in what the server is at work on.
   * @param {Job | null} job
   * @param {string[]} [jobs] tasks that can be started
   */
  hear(job, jobs = this.jobs) {
    if (job && this.job && job.id < this.job.id && isRunning(this.job)) return; // asked for before it was started
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

  /** Send all that waits; throws Lost. */
  async send() {
    const { outbox } = this;
    if (!outbox) throw new Lost("The server cannot be reached.");
    const waiting = outbox.size;
    const said = await outbox.flush();
    if (this.lost) this.found(waiting);
    for (const { error, answer } of outbox.refused.splice(0)) {
      this.problem = `An answer was not recorded: ${error}.`;
      this.words.delete(answer.item);
      this.own.delete(answer.item);
      this.stack = this.stack.filter((group) => group.every(({ id }) => id !== answer.id));
    }
    return said;
  }

  next() {
    const all = [...this.tasks.keys()];
    const at = this.current === null ? -1 : all.indexOf(this.current);
    this.current = [...all.slice(at + 1), ...all.slice(0, at)].find((number) => this.isOpen(number)) ?? null;
  }

  /** Ask the server what is new: once more where it is being asked already, and never twice at a time. */
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
    /** @type {Reply} */
    const found = await this.ask(`api/state${this.query(this.known())}`);
    if (found.key !== this.outbox?.project) {
      throw new Lost("Another project is served at this address now: start spotal label for this one again.");
    }
    if (this.lost) {
      if (this.outbox.size) await this.send(); // a reply was lost while this was asked: what waits is sent now
      else this.found(0);
    }
    this.hear(found.job, found.jobs);
    if (!found.tasks || recorded !== this.recorded || this.saving) return; // nothing new, or older than an answer
    if (found.annotator !== this.annotator) return; // asked for before another person went on
    if (found.gone) this.change(found);
    else this.merge(found);
  }

  /** Which state the page has, and how many tasks it lacks. */
  known() {
    if (!this.state?.version) return {};
    const { version, end } = this.state;
    const left = [...this.told.keys()].filter((number) => !this.words.has(number)).length;
    return { version, end, more: left < FEW ? HELD - left : 0, undoable: this.stack.length ? undefined : 1 };
  }

  /** @param {Record<string, string | number | undefined>} [asked] */
  query(asked = {}) {
    const given = new URLSearchParams();
    if (this.annotator) given.set("annotator", this.annotator);
    for (const [name, value] of Object.entries(asked)) if (value !== undefined) given.set(name, String(value));
    return String(given) && `?${given}`;
  }

  /**
   * A state as a whole.
   * @param {State} found
   */
  merge(found) {
    const isNew = this.state !== null && found.round?.number !== this.state.round?.number;
    this.state = found;
    several.on = found.many;
    this.wholes++;
    this.told = new Map(found.tasks.map((task) => [task.number, task]));
    if (isNew) {
      // the last batch is over; what was said about it is on disk
      for (const number of [...this.tasks.keys()]) if (!this.told.has(number)) this.tasks.delete(number);
      this.words.clear();
      this.own.clear();
    }
    this.fit([...this.told.keys()]);
    for (const [number, task] of this.tasks) task.elsewhere = !this.told.has(number) && !this.own.has(number);
    this.settle(found);
    if (isNew) this.say(`A new batch of ${found.tasks.length}`);
    this.changed();
  }

  /**
   * What changed since the state that the page has.
   * @param {Change} found
   */
  change(found) {
    const { tasks, still, gone, marks, undoable, ...figures } = found;
    if (!this.state || still.some((number) => !this.tasks.has(number))) {
      if (this.state) this.state.version = ""; // taken back, and from before this page was loaded: ask for everything
      this.again = true;
      return;
    }
    Object.assign(this.state, figures);
    for (const task of tasks) this.told.set(task.number, task);
    for (const number of still) {
      const task = this.tasks.get(number);
      if (task) this.told.set(number, { ...task, votes: null });
    }
    this.fit([...tasks.map(({ number }) => number), ...still]);
    for (const number of gone) {
      this.told.delete(number);
      const task = this.tasks.get(number);
      if (task) task.elsewhere = !this.own.has(number);
    }
    this.settle(found);
    this.dispatchEvent(new CustomEvent("marks", { detail: marks }));
    this.changed();
  }

  /**
   * Take in tasks that wait for this annotator by the server's word, which knows nothing of what waits to be sent.
   * @param {number[]} numbers
   */
  fit(numbers) {
    const waiting = this.waiting();
    if (this.fresh) for (const number of waiting.keys()) this.own.add(number); // said before the page was loaded anew
    this.fresh = false;
    for (const number of numbers) {
      const task = this.told.get(number);
      if (!task) continue;
      if (!task.votes && !waiting.has(number)) this.words.delete(number); // undone elsewhere
      const rank = this.tasks.get(number)?.rank ?? (task.votes ? -1 : task.order); // what is shown keeps its place
      this.tasks.set(number, { ...task, rank, elsewhere: false });
    }
    for (const [number, word] of waiting) this.words.set(number, word);
    this.tasks = new Map([...this.tasks].sort(([, a], [, b]) => a.rank - b.rank));
  }

  /** @param {{ undoable?: Undoable }} found */
  settle(found) {
    if (!this.stack.length && found.undoable) this.stack = earlier(found.undoable);
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
  found(sent) {
    this.lost = null;
    this.failures = 0;
    clearTimeout(this.timer);
    this.back = sent || this.back; // what was said before stands until the next answer
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

/**
 * An answer in words.
 * @param {Word} word
 */
export const spoken = ({ kind, label }) => (kind === "label" ? several.phrase(label) : NAMES[kind]);

/**
 * What an earlier visit of the page said and undo may take back.
 * @param {Undoable} undoable
 * @returns {Step[]}
 */
const earlier = (undoable) => undoable.map((one) => [{ ...one, before: null }]).reverse();
