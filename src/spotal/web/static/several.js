// Items that may have several classes: the classes chosen so far, which Enter confirms as one answer.
// Knows no element of the page.

/** @import { Guess, Kind, Word } from "../protocol.d.ts" */

const BETWEEN = "|"; // between the names in a label, as class_sets.py has it
const LIKELY = 0.5;

class Several {
  on = false; // whether items may have several classes
  /** @type {Set<string>} */
  names = new Set();
  dirty = false; // whether something was chosen since the item came
  key = "";

  /**
   * Begin with what was said, where other items are to be answered now.
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

  /**
   * What is confirmed: the classes chosen, or none of them.
   * @returns {{ kind: Kind, label: string | null }}
   */
  get answer() {
    return answerOf(this.names);
  }

  /**
   * The classes in a label.
   * @param {string | null | undefined} label
   */
  parts(label) {
    if (!label) return [];
    return this.on ? label.split(BETWEEN) : [label];
  }

  /**
   * A label in words.
   * @param {string | null | undefined} label
   */
  phrase(label) {
    return this.parts(label).join(", ");
  }

  /**
   * The place of the first class of a label among the classes, -1 where there is none.
   * @param {string | null | undefined} label
   * @param {string[]} classes
   */
  place(label, classes) {
    const places = this.parts(label).map((name) => classes.indexOf(name));
    return places.length ? Math.min(...places) : -1;
  }

  /**
   * The answer that the model's guess, or a file's suggestion, comes to; undefined without a guess.
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

/**
 * @param {Set<string>} names
 * @returns {{ kind: Kind, label: string | null }}
 */
const answerOf = (names) => (names.size ? { kind: "label", label: [...names].sort().join(BETWEEN) } : { kind: "none_of_these", label: null });

/** Of this page. */
export const several = new Several();
