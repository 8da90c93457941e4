// Requests to the server, with two kinds of errors: the server refuses the request, or cannot be reached.

const PATIENCE = 10_000;

/** The server cannot be reached, is not ready, or serves another project. The same request may succeed later. */
export class Lost extends Error {}

/** The server refuses the request. The same request will fail again. */
export class Refused extends Error {}

/** @typedef {(path: string) => Promise<any>} Get */
/** @typedef {(path: string, body: unknown) => Promise<any>} Post */

/** @type {Get} */
export const get = (path) => ask(path, {});

/** @type {Post} */
export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Spotal": "1" }, body: JSON.stringify(body) });

/** @param {string} path @param {RequestInit} options */
async function ask(path, options) {
  let response, content;
  try {
    response = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    content = await response.json();
  } catch {
    throw new Lost("The server cannot be reached.");
  }
  if (response.ok) return content;
  const message = sentence(content.error ?? response.statusText);
  throw response.status === 400 ? new Refused(message) : new Lost(message);
}

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
