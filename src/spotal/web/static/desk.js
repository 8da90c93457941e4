// The desk: what is to be answered, what was answered, and which item is looked at. Knows no element of the page.
//
// Fires "open" once, "change" when something to be shown changed, "say" with a sentence, "mark" with items whose mark
// on the map changed.

import { Lost, get } from "./api.js";
import { Outbox, newId } from "./outbox.js";

const POLL = 15_000;
const POLL_DONE = 4_000; // for the next batch
const RETRY = [500, 1_000, 2_000, 4_000];

export class Desk extends EventTarget {
  annotator = null;
  state = null; // as the server last gave it
  tasks = new Map(); // by number, in the order in which they are shown
  words = new Map(); // what was answered here, or waits to be sent by any tab, by number: {kind, label}
  own = new Set(); // numbers answered here
  fresh = true; // nothing merged yet
  stack = []; // what undo takes back: lists of {id, item, before}
  current = null;
  saving = false;
  lost = null; // why the server cannot be reached
  failures = 0;
  recorded = 0; // answers since the page was opened

  async begin() {
    await this.connect(() => this.load());
    this.poll();
  }

  async load() {
    const first = await get(`api/state${this.query()}`);
    this.annotator = first.annotator;
    this.outbox = new Outbox(first.key);
    this.tabs = new BroadcastChannel(`spotal/${first.key}`);
    this.tabs.onmessage = () => this.lost || this.refresh();
    if (this.outbox.size) {
      const waiting = this.outbox.size;
      await this.send();
      this.back = waiting;
      await this.fetchState();
    } else this.merge(first);
    this.dispatchEvent(new Event("open"));
  }

  /** Answers that wait in the outbox, by item. */
  waiting() {
    const words = new Map();
    for (const [, answer] of this.outbox.all()) {
      if (answer.kind === "undo") words.delete(answer.item);
      else words.set(answer.item, answer);
    }
    return words;
  }

  /** Who answers from now on. */
  async rename(annotator) {
    this.annotator = annotator;
    this.stack = [];
    this.words.clear();
    this.own.clear();
    this.tasks.clear();
    this.state = null;
    await this.refresh();
  }

  get task() {
    return this.tasks.get(this.current) ?? null;
  }

  isOpen(number) {
    return !this.words.has(number) && !this.tasks.get(number)?.elsewhere;
  }

  get open() {
    return [...this.tasks.keys()].filter((number) => this.isOpen(number));
  }

  /** Answers of ours that the server's last state does not know of. */
  get fresher() {
    return this.state.tasks.filter(({ number, votes }) => !votes && this.words.has(number)).length;
  }

  go(number) {
    if (!this.tasks.has(number) || this.saving) return;
    this.current = number;
    this.changed();
  }

  /** The next item without an answer, or the one before in the list. */
  step(forward) {
    const all = [...this.tasks.keys()];
    const at = all.indexOf(this.current);
    if (!forward) this.go(all.at(at < 0 ? -1 : Math.max(0, at - 1)));
    else this.go([...all.slice(at + 1), ...all.slice(0, at)].find((number) => this.isOpen(number)) ?? all[at + 1] ?? this.current);
  }

  /** Record an answer about items; the next one is shown when it is on disk, or kept where the server is lost. */
  async answer(numbers, kind, label = null) {
    if (this.saving || !numbers.length) return;
    const entries = numbers.map((item) => ({ id: newId(), item, annotator: this.annotator, kind, label }));
    this.stack.push(entries.map(({ id, item }) => ({ id, item, before: this.words.get(item) ?? null })));
    await this.record(entries, () => {
      for (const { item } of entries) this.words.set(item, { kind, label });
      numbers.forEach((number) => this.own.add(number));
      this.mark(numbers);
      if (numbers.includes(this.current)) this.next();
      return `${kind === "label" ? label : NAMES[kind]}${numbers.length > 1 ? `, ${numbers.length} items` : ""}`;
    });
  }

  /** Take the last answer back and show its item. */
  async undo() {
    if (this.saving) return;
    const last = this.stack.pop();
    if (!last) return this.say("Nothing to undo");
    const entries = last.map(({ id, item }) => ({ id: newId(), item, annotator: this.annotator, kind: "undo", of: id }));
    await this.record(entries, (said) => {
      entries.forEach(({ id, item }, k) => {
        const now = said.get(id)?.now ?? (this.lost ? last[k].before : null);
        if (now) this.words.set(item, now);
        else {
          this.words.delete(item);
          this.own.delete(item);
        }
        const task = this.tasks.get(item);
        if (task) task.elsewhere = false;
      });
      this.mark(last.map(({ item }) => item));
      const [{ item }] = last;
      if (this.tasks.has(item)) this.current = item;
      else this.wanted = item; // of a batch before: comes with the next state
      return "Taken back";
    });
  }

  async record(entries, done) {
    this.saving = true;
    this.changed();
    for (const entry of entries) this.outbox.put(entry);
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
    if (!this.lost) await this.refresh();
    this.poll();
  }

  /** Send all that waits; throws Lost. */
  async send() {
    const waiting = this.outbox.size;
    const said = await this.outbox.flush();
    if (this.lost) this.found(waiting);
    for (const { error, answer } of this.outbox.refused.splice(0)) {
      this.problem = `An answer was not recorded: ${error}.`;
      this.words.delete(answer.item);
      this.own.delete(answer.item);
      this.stack = this.stack.filter((group) => group.every(({ id }) => id !== answer.id));
    }
    return said;
  }

  next() {
    const all = [...this.tasks.keys()];
    const at = all.indexOf(this.current);
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
    }).finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  async fetchState() {
    const { recorded } = this;
    const found = await get(`api/state${this.query(this.state?.version)}`);
    if (found.key !== this.outbox.project) {
      throw new Lost("Another project is served at this address now: start spotal label for this one again.");
    }
    if (this.lost) this.found(0);
    if (found.tasks && recorded === this.recorded && !this.saving) this.merge(found); // else it is older than an answer
  }

  query(version) {
    const given = Object.entries({ annotator: this.annotator, version }).filter(([, value]) => value);
    return given.length ? `?${new URLSearchParams(given)}` : "";
  }

  merge(found) {
    const isNew = this.state !== null && found.round?.number !== this.state.round?.number;
    this.state = found;
    const open = new Map(found.tasks.map((task) => [task.number, task]));
    if (isNew) {
      // the last batch is over; what was said about it is on disk
      for (const number of [...this.tasks.keys()]) if (!open.has(number)) this.tasks.delete(number);
      this.words.clear();
      this.own.clear();
    }
    const waiting = this.waiting();
    if (this.fresh) for (const number of waiting.keys()) this.own.add(number); // said before the page was loaded anew
    this.fresh = false;
    for (const [number, task] of open) if (!task.votes && !waiting.has(number)) this.words.delete(number); // undone elsewhere
    for (const [number, word] of waiting) this.words.set(number, word);
    const order = [...this.tasks.keys()];
    const all = [...open.keys()];
    all.forEach((number, k) => {
      if (order.includes(number)) return;
      const after = all.slice(k + 1).find((other) => order.includes(other));
      order.splice(after === undefined ? order.length : order.indexOf(after), 0, number);
    });
    const before = this.tasks;
    this.tasks = new Map(order.map((number) => [number, open.get(number) ?? before.get(number)]));
    for (const [number, task] of this.tasks) task.elsewhere = !open.has(number) && !this.own.has(number);
    if (!this.stack.length) this.stack = this.undoable(found);
    if (this.wanted !== undefined && this.tasks.has(this.wanted)) this.current = this.wanted;
    this.wanted = undefined;
    if (this.current === null || !this.tasks.has(this.current)) this.current = this.open[0] ?? null;
    if (isNew) this.say(`A new batch of ${found.tasks.length}`);
    this.changed();
  }

  /** What an earlier visit of the page said and undo may take back. */
  undoable(found) {
    return found.undoable.map(({ id, item }) => [{ id, item, before: null }]).reverse();
  }

  async connect(work) {
    try {
      await work();
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    if (!(error instanceof Lost)) {
      this.problem = error.message;
      return this.changed();
    }
    this.lost = error.message;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.retry(), RETRY[Math.min(this.failures++, RETRY.length - 1)]);
    this.changed();
  }

  retry() {
    if (!this.lost || this.saving) return;
    return this.connect(async () => {
      if (!this.outbox) return this.load();
      await this.send();
      await this.fetchState();
    });
  }

  found(sent) {
    this.lost = null;
    this.failures = 0;
    clearTimeout(this.timer);
    this.back = sent;
    this.say(sent ? `The server is back, ${sent} kept ${sent === 1 ? "answer" : "answers"} saved` : "The server is back");
    this.changed();
  }

  poll() {
    const wait = this.open.length ? POLL : POLL_DONE;
    clearTimeout(this.poller);
    this.poller = setTimeout(async () => {
      if (!document.hidden && !this.lost && !this.saving) await this.refresh();
      this.poll();
    }, wait);
  }

  mark(numbers) {
    this.dispatchEvent(new CustomEvent("mark", { detail: numbers }));
  }

  say(text) {
    this.dispatchEvent(new CustomEvent("say", { detail: text }));
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const NAMES = { skip: "Skipped", none_of_these: "None of these" };
