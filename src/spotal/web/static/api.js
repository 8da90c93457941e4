// Requests to the server, and the one distinction that matters: it said no, or it was not there.

const PATIENCE = 10_000;

/** The server cannot be reached, cannot do its work now, or is another one: the same request may succeed later. */
export class Lost extends Error {}

/** The server understood and said no; asking again will not help. */
export class Refused extends Error {}

export const get = (path) => ask(path, {});

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Spotal": "1" }, body: JSON.stringify(body) });

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

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;
