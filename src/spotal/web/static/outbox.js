// The outbox: answers are written here first and leave when the server says that they are on disk.
// They live in localStorage, one key each, so that reloading, closing the browser or a second tab lose nothing; each has
// an id, under which the server records it once, however often it is sent.

import { Refused, post } from "./api.js";

const MOST = 100;
let counter = 0;

export class Outbox {
  constructor(project) {
    this.project = project;
    this.refused = []; // what cannot be recorded: {error, answer}
    this.prefix = `spotal/${project}/`;
    this.said = new Map(); // what the server said to each answer, by its id
    this.unkept = new Map(); // where the browser keeps nothing for us
  }

  /** Whether closing the page would lose answers. */
  get fragile() {
    return this.unkept.size > 0;
  }

  put(answer) {
    const stamp = `${String(Date.now()).padStart(15, "0")}-${String(counter++).padStart(6, "0")}`;
    const key = `${this.prefix}${stamp}-${answer.id}`;
    try {
      localStorage.setItem(key, JSON.stringify(answer));
    } catch {
      this.unkept.set(key, answer);
    }
  }

  /** All that waits, oldest first: [key, answer]. */
  all() {
    const found = [...this.unkept];
    try {
      for (let k = 0; k < localStorage.length; k++) {
        const key = localStorage.key(k);
        if (key.startsWith(this.prefix)) found.push([key, JSON.parse(localStorage.getItem(key))]);
      }
    } catch {
      // no storage: what is in memory is all there is
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get size() {
    return this.all().length;
  }

  /** Send all that waits, in order. What the server ever said, by id; throws Lost and keeps the rest. */
  async flush() {
    while (this.running) await this.running.catch(() => {});
    this.running = this.send();
    try {
      return await this.running;
    } finally {
      this.running = null;
    }
  }

  async send() {
    let most = MOST;
    for (let waiting = this.all(); waiting.length; waiting = this.all()) {
      const part = waiting.slice(0, most);
      try {
        await this.sendPart(part);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (part.length === 1) this.refuse(...part[0], error.message);
        most = 1; // find the one that is refused
      }
    }
    return this.said;
  }

  async sendPart(part) {
    const { results } = await post("api/answers", { project: this.project, answers: part.map(([, answer]) => answer) });
    results.forEach((result, k) => {
      this.said.set(result.id, result);
      if (result.error) this.refuse(...part[k], result.error);
      else this.drop(part[k][0]);
    });
  }

  refuse(key, answer, error) {
    this.refused.push({ error, answer });
    this.drop(key);
  }

  drop(key) {
    this.unkept.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // was never there
    }
  }
}

/** A new id. crypto.randomUUID would need https. */
export const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
