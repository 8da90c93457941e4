// Items that may have several classes: holds the chosen classes until Enter confirms them as one answer.
// This module does not use the page's elements.

/** @import { Guess, Kind, Word } from "../protocol.d.ts" */

const BETWEEN = "|"; // separator of the names in a label, the same as in class_sets.py
const LIKELY = 0.5;

class Several {
  on = false; // whether items may have several classes
  /** @type {Set<string>} */ names = new Set();
  dirty = false; // whether the choice has changed since the item was shown
  key = "";

  /**
   * Start from the current answer if the items have changed.
   * @param {number[]} targets
   * @param {Word | null | undefined} word
   */
  begin(targets, word) {
    const key = `${targets.join()} ${word?.kind} ${word?.label}`;
    if (key === this.key) return;
    this.key = key;
    this.names = new Set(word ? this.parts(word.label) : []);
    this.dirty = false;
  }

  /** @param {string} name */
  toggle(name) {
    if (!this.names.delete(name)) this.names.add(name);
    this.dirty = true;
  }

  /** The answer to confirm: the chosen classes, or "none of these". @returns {{ kind: Kind, label: string | null }} */
  get answer() {
    return answerOf(this.names);
  }

  /** Return the classes in a label. @param {string | null | undefined} label */
  parts(label) {
    if (!label) return [];
    return this.on ? label.split(BETWEEN) : [label];
  }

  /** Return a label in words. @param {string | null | undefined} label */
  phrase(label) {
    return this.parts(label).join(", ");
  }

  /**
   * Return the smallest index of a label's classes; -1 without any.
   * @param {string | null | undefined} label
   * @param {string[]} classes
   */
  place(label, classes) {
    const places = this.parts(label).map((name) => classes.indexOf(name));
    return places.length ? Math.min(...places) : -1;
  }

  /**
   * Return the guess of the model, or the suggestion of a file, as an answer; undefined without a guess.
   * @param {Guess[]} guess
   * @returns {{ kind: Kind, label: string | null } | undefined}
   */
  guessed(guess) {
    if (!guess.length) return undefined;
    if (!this.on) return { kind: "label", label: guess[0]?.label ?? null };
    return answerOf(new Set(guess.filter(likely).map(({ label }) => label)));
  }
}

/** @param {Guess} guess */
export const likely = ({ probability }) => probability === null || probability >= LIKELY;

/** @param {Set<string>} names @returns {{ kind: Kind, label: string | null }} */
const answerOf = (names) => (names.size ? { kind: "label", label: [...names].sort().join(BETWEEN) } : { kind: "none_of_these", label: null });

/** The one instance of this page. */
export const several = new Several();
