// The outbox: stores answers until the server confirms that they are on disk.
// Each answer has its own key in localStorage, so reloading, closing the browser or a second tab loses nothing. Each
// answer has an id, so the server records it once, even if it is sent several times.

/** @import { Answer, AnswerReply } from "../protocol.d.ts" */
/** @typedef {Pick<Storage, "length" | "key" | "getItem" | "setItem" | "removeItem">} Shelf */
/** @typedef {[key: string, answer: Answer]} Entry */

import { Refused, post } from "./api.js";

const MOST = 100;

export class Outbox {
  /** @type {{ error: string, answer: Answer }[]} answers that the server refused */
  refused = [];
  /** @type {Map<string, AnswerReply>} the server's replies by the answer's id */
  replies = new Map();
  /** @type {Map<string, Answer>} answers that localStorage cannot store */
  inMemory = new Map();
  /** @type {Promise<void> | null} */ running = null;
  counter = 0;

  /**
   * @param {string} project the project's key
   * @param {{ storage?: Shelf | null, send?: import("./api.js").Post }} [means]
   */
  constructor(project, { storage = browserStorage(), send = post } = {}) {
    this.project = project;
    this.prefix = `spotal/${project}/`;
    this.storage = storage;
    this.post = send;
    this.latest = Number(this.keys().at(-1)?.slice(this.prefix.length).split("-")[0] ?? 0) || 0;
  }

  /** Return whether closing the page would lose answers. */
  get fragile() {
    return this.inMemory.size > 0;
  }

  /** Store an answer until the server has it. @param {Answer} answer */
  put(answer) {
    this.latest = Math.max(this.latest, Date.now()); // keep the order if the clock is set back
    const stamp = `${String(this.latest).padStart(15, "0")}-${String(this.counter++).padStart(6, "0")}`;
    const key = `${this.prefix}${stamp}-${answer.id}`;
    try {
      if (!this.storage) throw new Error("no storage");
      this.storage.setItem(key, JSON.stringify(answer));
    } catch {
      this.inMemory.set(key, answer);
    }
  }

  /** Return all waiting answers, oldest first. @returns {Entry[]} */
  all() {
    const entries = [...this.inMemory];
    for (const key of this.keys()) {
      const answer = this.read(key);
      if (answer) entries.push([key, answer]);
    }
    return entries.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get size() {
    return this.all().length;
  }

  /** Return this project's keys in localStorage, oldest first. */
  keys() {
    /** @type {string[]} */ const keys = [];
    try {
      for (let k = 0; k < (this.storage?.length ?? 0); k++) {
        const key = this.storage?.key(k);
        if (key?.startsWith(this.prefix)) keys.push(key);
      }
    } catch {
      // localStorage cannot be used; answers are in memory
    }
    return keys.sort();
  }

  /**
   * Return the answer under a key; null if another tab has sent it meanwhile, or if it is no answer.
   * @param {string} key
   * @returns {Answer | null}
   */
  read(key) {
    try {
      const answer = JSON.parse(this.storage?.getItem(key) ?? "null");
      return typeof answer?.id === "string" ? answer : null;
    } catch {
      return null;
    }
  }

  /** Send all waiting answers in order, and return all replies by id. On Lost, the unsent answers are kept. */
  async flush() {
    while (this.running) await this.running.catch(() => {});
    this.running = this.send();
    try {
      await this.running;
    } finally {
      this.running = null;
    }
    return this.replies;
  }

  async send() {
    let most = MOST;
    for (let waiting = this.all(); waiting.length; waiting = this.all()) {
      const part = waiting.slice(0, most);
      try {
        await this.sendPart(part);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const [only, ...others] = part;
        if (only && !others.length) this.refuse(only, error.message);
        most = 1; // send one by one to find the refused answer
      }
    }
  }

  /** @param {Entry[]} part */
  async sendPart(part) {
    /** @type {{ results: AnswerReply[] }} */
    const { results } = await this.post("api/answers", { project: this.project, answers: part.map(([, answer]) => answer) });
    results.forEach((result, k) => {
      const entry = part[k];
      this.replies.set(result.id, result);
      if (!entry) return;
      if (result.error) this.refuse(entry, result.error);
      else this.drop(entry[0]);
    });
  }

  /** @param {Entry} entry @param {string} error */
  refuse([key, answer], error) {
    this.refused.push({ error, answer });
    this.drop(key);
  }

  /** @param {string} key */
  drop(key) {
    this.inMemory.delete(key);
    try {
      this.storage?.removeItem(key);
    } catch {
      // it was not stored
    }
  }
}

/** Return localStorage; null if the browser does not allow it. */
function browserStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** Return a new id. (crypto.randomUUID needs https.) */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
