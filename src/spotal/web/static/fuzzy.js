// Fuzzy search of names: by parts, initials, with letters left out and with typing errors.

const EXACT = 0, START = 1, WORD = 2, INSIDE = 3, INITIALS = 4, SLIP = 5, SPREAD = 6; // lower is better

/**
 * Return the indices of the names that match the typed text, the best first; ties keep their order.
 * Return all if nothing was typed.
 * @param {string} typed
 * @param {Prepared[]} names
 */
export function search(typed, names) {
  const wanted = plain(typed).trim();
  if (!wanted) return names.map((_, k) => k);
  const parts = wanted.split(SPACES);
  /** @type {{ k: number, score: number }[]} */ const matches = [];
  names.forEach((name, k) => {
    const score = fit(wanted, parts, name);
    if (score < Infinity) matches.push({ k, score });
  });
  return matches.sort((a, b) => a.score - b.score || a.k - b.k).map(({ k }) => k);
}

/** @typedef {{ text: string, words: string[], initials: string }} Prepared */

/** Prepare a name for the search. @param {string} name @returns {Prepared} */
export function prepare(name) {
  const text = plain(name.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")); // camelCase is two words
  const words = text.split(SPACES).filter(Boolean);
  return { text: words.join(" "), words, initials: words.map((word) => word[0]).join("") };
}

const SPACES = /[^\p{L}\p{N}]+/u;

/** Return a text in lower case and without accents. @param {string} text */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");

/**
 * Return the score of a name; Infinity if it does not match.
 * @param {string} wanted
 * @param {string[]} parts of `wanted`
 * @param {Prepared} name
 */
function fit(wanted, parts, { text, words, initials }) {
  if (text === wanted) return EXACT;
  if (text.startsWith(wanted)) return START;
  let score = 0;
  for (const part of parts.filter(Boolean)) score += fitPart(part, text, words, initials);
  return WORD + score;
}

/** @param {string} part @param {string} text @param {string[]} words @param {string} initials */
function fitPart(part, text, words, initials) {
  const at = words.findIndex((word) => word.startsWith(part));
  if (at >= 0) return at / 100;
  if (text.includes(part)) return INSIDE;
  if (part.length > 1 && initials.includes(part)) return INITIALS;
  const slips = part.length < 4 || /\d/.test(part) ? 0 : part.length < 8 ? 1 : 2;
  if (slips && words.some((word) => beginsAlike(part, word) && slipsOf(part, word, slips) <= slips)) return SLIP;
  const gaps = spread(part, text);
  return gaps < Infinity ? SPREAD + gaps / 100 : Infinity;
}

/**
 * Return whether the first letter is right or swapped with the second; most people type it correctly.
 * @param {string} typed
 * @param {string} word
 */
const beginsAlike = (typed, word) => typed[0] === word[0] || (typed[0] === word[1] && typed[1] === word[0]);

/**
 * Count the letters to add, remove, replace or swap to make `typed` the beginning of `word`; at most `most` + 1.
 * @param {string} typed
 * @param {string} word
 * @param {number} most
 */
function slipsOf(typed, word, most) {
  if (word.length < typed.length - most) return most + 1;
  const target = word.slice(0, typed.length + most);
  /** @type {number[]} */ let before = [], last = Array.from({ length: target.length + 1 }, (_, k) => k);
  for (let i = 1; i <= typed.length; i++) {
    const row = [i];
    for (let j = 1; j <= target.length; j++) {
      const same = typed[i - 1] === target[j - 1] ? 0 : 1;
      let least = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (typed[i - 1] === target[j - 2] && typed[i - 2] === target[j - 1]) least = Math.min(least, (before[j - 2] ?? most) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return Math.min(most + 1, ...last); // `typed` may be only the beginning of the word
}

/**
 * Count the letters between the letters of `part` in `text`, in order and from the beginning of a word. Return Infinity
 * if a letter is missing or they are too far apart.
 * @param {string} part
 * @param {string} text
 */
function spread(part, text) {
  let best = Infinity;
  for (let start = text.indexOf(part[0] ?? ""); start >= 0 && part.length > 1; start = text.indexOf(part[0] ?? "", start + 1)) {
    if (start && text[start - 1] !== " ") continue;
    let at = start;
    for (const letter of part.slice(1)) {
      at = text.indexOf(letter, at + 1);
      if (at < 0) break;
    }
    if (at >= 0) best = Math.min(best, at - start + 1 - part.length);
  }
  return best <= 3 * part.length ? best : Infinity;
}
