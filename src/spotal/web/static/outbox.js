// The outbox: answers are written here first and leave when the server says that they are on disk.
// They live in localStorage, one key each, so that reloading, closing the browser or a second tab lose nothing; each has
// an id, under which the server records it once, however often it is sent.

/** @import { Answer, Said } from "../protocol.d.ts" */
/** @typedef {Pick<Storage, "length" | "key" | "getItem" | "setItem" | "removeItem">} Shelf */
/** @typedef {[key: string, answer: Answer]} Entry */

import { Refused, post } from "./api.js";

const MOST = 100;

export class Outbox {
  /** @type {{ error: string, answer: Answer }[]} what cannot be recorded */
  refused = [];
  /** @type {Map<string, Said>} what the server said to each answer, by its id */
  said = new Map();
  /** @type {Map<string, Answer>} where the browser keeps nothing for us */
  unkept = new Map();
  /** @type {Promise<void> | null} */
  running = null;
  counter = 0;

  /**
   * @param {string} project the server's key for it
   * @param {{ storage?: Shelf | null, send?: import("./api.js").Post }} [means]
   */
  constructor(project, { storage = browserStorage(), send = post } = {}) {
    this.project = project;
    this.prefix = `spotal/${project}/`;
    this.storage = storage;
    this.post = send;
    this.latest = Number(this.keys().at(-1)?.slice(this.prefix.length).split("-")[0] ?? 0) || 0;
  }

  /** Whether closing the page would lose answers. */
  get fragile() {
    return this.unkept.size > 0;
  }

  /**
   * Keep an answer until the server has it.
   * @param {Answer} answer
   */
  put(answer) {
    this.latest = Math.max(this.latest, Date.now()); // a clock that is set back does not change the order
    const stamp = `${String(this.latest).padStart(15, "0")}-${String(this.counter++).padStart(6, "0")}`;
    const key = `${this.prefix}${stamp}-${answer.id}`;
    try {
      if (!this.storage) throw new Error("no storage");
      this.storage.setItem(key, JSON.stringify(answer));
    } catch {
      this.unkept.set(key, answer);
    }
  }

  /** All that waits, oldest first. @returns {Entry[]} */
  all() {
    const found = [...this.unkept];
    for (const key of this.keys()) {
      const answer = this.read(key);
      if (answer) found.push([key, answer]);
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get size() {
    return this.all().length;
  }

  /** Keys of what the browser keeps, oldest first. */
  keys() {
    /** @type {string[]} */
    const found = [];
    try {
      for (let k = 0; k < (this.storage?.length ?? 0); k++) {
        const key = this.storage?.key(k);
        if (key?.startsWith(this.prefix)) found.push(key);
      }
    } catch {
      // no storage: what is in memory is all there is
    }
    return found.sort();
  }

  /**
   * What the browser keeps under a key; null for what another tab has sent meanwhile, or what is no answer of ours.
   * @param {string} key
   * @returns {Answer | null}
   */
  read(key) {
    try {
      const found = JSON.parse(this.storage?.getItem(key) ?? "null");
      return typeof found?.id === "string" ? found : null;
    } catch {
      return null;
    }
  }

  /** Send all that waits, in order. What the server ever said, by id; throws Lost and keeps the rest. */
  async flush() {
    while (this.running) await this.running.catch(() => {});
    this.running = this.send();
    try {
      await this.running;
    } finally {
      this.running = null;
    }
    return this.said;
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
        most = 1; // find the one that is refused
      }
    }
  }

  /** @param {Entry[]} part */
  async sendPart(part) {
    /** @type {{ results: Said[] }} */
    const { results } = await this.post("api/answers", { project: this.project, answers: part.map(([, answer]) => answer) });
    results.forEach((result, k) => {
      const entry = part[k];
      this.said.set(result.id, result);
      if (!entry) return;
      if (result.error) this.refuse(entry, result.error);
      else this.drop(entry[0]);
    });
  }

  /**
   * @param {Entry} entry
   * @param {string} error
   */
  refuse([key, answer], error) {
    this.refused.push({ error, answer });
    this.drop(key);
  }

  /** @param {string} key */
  drop(key) {
    this.unkept.delete(key);
    try {
      this.storage?.removeItem(key);
    } catch {
      // was never there
    }
  }
}

/** Where the browser keeps what outlives the page; null where it keeps nothing. */
function browserStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** A new id. crypto.randomUUID would need https. */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
