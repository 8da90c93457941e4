// Finding names by what somebody types: parts, initials, left-out letters and slips of the finger.

const EXACT = 0, START = 1, WORD = 2, INSIDE = 3, INITIALS = 4, SLIP = 5, SPREAD = 6; // the better the lower

/**
 * Places of the names that fit what was typed, the best first; equally good ones in their own order.
 * All of them where nothing was typed.
 * @param {string} typed
 * @param {Prepared[]} names
 */
export function search(typed, names) {
  const wanted = plain(typed).trim();
  if (!wanted) return names.map((_, k) => k);
  const parts = wanted.split(SPACES);
  /** @type {{ k: number, score: number }[]} */
  const found = [];
  names.forEach((name, k) => {
    const score = fit(wanted, parts, name);
    if (score < Infinity) found.push({ k, score });
  });
  return found.sort((a, b) => a.score - b.score || a.k - b.k).map(({ k }) => k);
}

/** @typedef {{ text: string, words: string[], initials: string }} Prepared */

/**
 * A name, ready to be searched.
 * @param {string} name
 * @returns {Prepared}
 */
export function prepare(name) {
  const text = plain(name.replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")); // camelCase is two words
  const words = text.split(SPACES).filter(Boolean);
  return { text: words.join(" "), words, initials: words.map((word) => word[0]).join("") };
}

const SPACES = /[^\p{L}\p{N}]+/u;

/**
 * In small letters, without accents.
 * @param {string} text
 */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ß", "ss");

/**
 * How well a name fits; Infinity where it does not.
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

/**
 * @param {string} part
 * @param {string} text
 * @param {string[]} words
 * @param {string} initials
 */
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
 * Whether the first letter is right: few miss that one.
 * @param {string} typed
 * @param {string} word
 */
const beginsAlike = (typed, word) => typed[0] === word[0] || (typed[0] === word[1] && typed[1] === word[0]);

/**
 * Letters to add, leave out, replace or swap with the next to make `typed` the beginning of `word`; `most` + 1 for more.
 * @param {string} typed
 * @param {string} word
 * @param {number} most
 */
function slipsOf(typed, word, most) {
  if (word.length < typed.length - most) return most + 1;
  const target = word.slice(0, typed.length + most);
  /** @type {number[]} */
  let before = [], last = Array.from({ length: target.length + 1 }, (_, k) => k);
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
  return Math.min(most + 1, ...last); // a beginning of the word is enough
}

/**
 * How many letters lie between those of `part` in `text`, in their order from the beginning of a word; Infinity where
 * they do not all occur, or lie too far apart.
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
