// Stand-ins for the browser and the server.

/** @import { Answer, AnswerReply, Change, Job, Kind, State, Task, Word } from "../../../src/spotal/web/protocol.d.ts" */

import { Lost, Refused } from "../../../src/spotal/web/static/api.js";

/** A localStorage, which two tabs may share. */
export class Shelf {
  /** @type {Map<string, string>} */
  kept = new Map();
  isFull = false;

  get length() {
    return this.kept.size;
  }

  /** @param {number} index */
  key(index) {
    return [...this.kept.keys()][index] ?? null;
  }

  /** @param {string} key */
  getItem(key) {
    return this.kept.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  setItem(key, value) {
    if (this.isFull) throw new DOMException("full", "QuotaExceededError");
    this.kept.set(key, value);
  }

  /** @param {string} key */
  removeItem(key) {
    this.kept.delete(key);
  }
}

/** A server that records each id once, and can be away, refuse, or lose its reply. */
export class Server {
  /** @type {Answer[]} in the order of recording */
  recorded = [];
  /** @type {string[][]} ids of each request */
  requests = [];
  isAway = false;
  losesReply = false;
  /** @type {Set<string>} ids that it will not record */
  errors = new Set();
  /** @type {Set<string>} ids for which it refuses a whole request */
  malformed = new Set();

  /** @type {import("../../../src/spotal/web/static/api.js").Post} */
  post = async (_path, body) => {
    const { answers } = /** @type {{ answers: Answer[] }} */ (body);
    await Promise.resolve();
    if (this.isAway) throw new Lost("away");
    this.requests.push(answers.map(({ id }) => id));
    if (answers.some(({ id }) => this.malformed.has(id))) throw new Refused("malformed");
    const results = answers.map((answer) => this.record(answer));
    if (this.losesReply) throw new Lost("the reply was lost");
    return { results };
  };

  /**
   * @param {Answer} answer
   * @returns {AnswerReply}
   */
  record(answer) {
    if (this.errors.has(answer.id)) return { id: answer.id, error: "no such class" };
    if (!this.recorded.some(({ id }) => id === answer.id)) this.recorded.push(answer);
    return { id: answer.id, item: answer.item, now: this.now(answer.item) };
  }

  /**
   * What holds about an item.
   * @param {number} item
   * @returns {Word | null}
   */
  now(item) {
    const taken = new Set(this.recorded.filter(({ kind }) => kind === "undo").map(({ of }) => of));
    const last = this.recorded.filter((one) => one.item === item && one.kind !== "undo" && !taken.has(one.id)).at(-1);
    return last ? { kind: /** @type {Kind} */ (last.kind), label: last.label ?? null } : null;
  }

  get ids() {
    return this.recorded.map(({ id }) => id);
  }
}

/**
 * An answer of that id about an item.
 * @param {string} id
 * @param {number} [item]
 * @returns {Answer}
 */
export const answer = (id, item = 0) => ({ id, item, annotator: "ann", kind: "label", label: "red" });

/**
 * @param {number} number
 * @returns {Task}
 */
export const task = (number) => ({
  number, id: `t${number}`, kind: "text", content: `content ${number}`, text: `text ${number}`, order: number, why: null,
  guess: [], suggested: false, votes: null,
});

const counts = { items: 9, labeled: 0, conflicts: 0, open: 3, overlap: 1, spent: 0, budget: null, left: null, cost: null };

/**
 * A whole state with three tasks.
 * @param {Partial<State>} [more]
 * @returns {State}
 */
export const state = (more = {}) => ({
  key: "k", annotator: "ann", version: "1:e", counts, waits: "", round: { number: 0, strategy: "spot", size: 3, waiting: 3 },
  tasks: [0, 1, 2].map(task), end: 2, folder: "p", name: "p", kind: "text", classes: ["red", "green"], many: false, map: null, guesses: false,
  curve: [],
  undoable: [], job: null, jobs: [], ...more,
});

/**
 * What changed since the state.
 * @param {Partial<Change>} [more]
 * @returns {Change}
 */
export const change = (more = {}) => ({
  key: "k", annotator: "ann", version: "2:e", counts, waits: "", round: { number: 0, strategy: "spot", size: 3, waiting: 2 },
  tasks: [], end: 2, still: [], gone: [], marks: {}, job: null, jobs: [], ...more,
});

/**
 * Long work of the server, running.
 * @param {Partial<Job>} [more]
 * @returns {Job}
 */
export const job = (more = {}) => ({
  id: 1, task: "next", doing: "choosing the next batch", by: "ann", outcome: null, what: "", done: 0, total: null, left: null,
  sentence: "", notes: [], file: null, ...more,
});
