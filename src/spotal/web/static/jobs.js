// Long work of the server, in words. Knows no element of the page.

/** @import { Job } from "../protocol.d.ts" */

/** Buttons by task, in the order in which they are offered. */
export const OFFERS = {
  next: "Choose the next batch",
  train: "Train on everything",
  predict: "Predictions",
  report: "Report",
  export: "Labels",
};

/** @param {Job | null} job */
export const isRunning = (job) => job !== null && job.outcome === null;

/**
 * The step that a job is in, with how much of it is done where that is known.
 * @param {Job} job
 */
export function step({ what, done, total }) {
  if (!what) return "Starting";
  const name = capital(what);
  return total ? `${name}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : name;
}

/**
 * How much time is left, in words; empty where that is not known.
 * @param {Job} job
 */
export function timeLeft({ left }) {
  if (left === null) return "";
  if (left < 5) return "A few seconds left";
  if (left < 90) return `About ${5 * Math.ceil(left / 5)} seconds left`;
  if (left < 5400) return `About ${Math.round(left / 60)} minutes left`;
  return `About ${(left / 3600).toFixed(1)} hours left`;
}

/**
 * How a job ended, as a sentence.
 * @param {Job} job
 */
export function result({ task, doing, outcome, sentence }) {
  const said = sentence.replace(/\.$/, "");
  if (outcome === "canceled") return `Canceled: ${said}.`;
  if (outcome === "failed") return `${capital(doing)} did not work: ${said}.`;
  if (outcome === "finished") return `Nothing was chosen: ${said}.`;
  return outcome && task !== "next" ? `${capital(said)}.` : "";
}

/** @param {string} text */
export const capital = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
