// Requests to the server, and the one distinction that matters: it said no, or it was not there.

const PATIENCE = 10_000;

/** The server cannot be reached, cannot do its work now, or is another one: the same request may succeed later. */
export class Lost extends Error {}

/** The server understood and said no; asking again will not help. */
export class Refused extends Error {}

/** @typedef {(path: string) => Promise<any>} Get */
/** @typedef {(path: string, body: unknown) => Promise<any>} Post */

/** @type {Get} */
export const get = (path) => ask(path, {});

/** @type {Post} */
export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Spotal": "1" }, body: JSON.stringify(body) });

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function ask(path, options) {
  let response, content;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    content = await response.json();
  } catch {
    throw new Lost("The server cannot be reached.");
  }
  if (response.ok) return content;
  const said = sentence(content.error ?? response.statusText);
  throw response.status === 400 ? new Refused(said) : new Lost(said);
}

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
