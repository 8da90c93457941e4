// Texts about the server's jobs. This module does not use the page's elements.

/** @import { Job } from "../protocol.d.ts" */

/** Texts of the buttons by task, in their order. */
export const OFFERS = {
  next: "Choose the next batch",
  train: "Train on everything",
  predict: "Predictions",
  report: "Report",
  export: "Labels",
};

/** @param {Job | null} job */
export const isRunning = (job) => job !== null && job.outcome === null;

/** Return the current step of a job and its progress. @param {Job} job */
export function step({ what, done, total }) {
  if (!what) return "Starting";
  const name = capital(what);
  return total ? `${name}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : name;
}

/** Return the remaining time in words; empty if unknown. @param {Job} job */
export function timeLeft({ left }) {
  if (left === null) return "";
  if (left < 5) return "A few seconds left";
  if (left < 90) return `About ${5 * Math.ceil(left / 5)} seconds left`;
  if (left < 5400) return `About ${Math.round(left / 60)} minutes left`;
  return `About ${(left / 3600).toFixed(1)} hours left`;
}

/** Return the result of a job as a sentence. @param {Job} job */
export function result({ task, doing, outcome, sentence }) {
  const text = sentence.replace(/\.$/, "");
  if (outcome === "canceled") return `Canceled: ${text}.`;
  if (outcome === "failed") return `${capital(doing)} failed: ${text}.`;
  if (outcome === "finished") return `Nothing was chosen: ${text}.`;
  return outcome && task !== "next" ? `${capital(text)}.` : "";
}

/** @param {string} text */
export const capital = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
