// The setup page: asks for the classes, starts making the project, and opens its labeling page.

/** @import { Setup } from "../protocol.d.ts" */

import { Lost, get, post } from "./api.js";
import { $, count } from "./dom.js";
import { capital } from "./jobs.js";

const PAUSE = 400; // ms between two requests for the progress

const field = $("classes", HTMLTextAreaElement);

/** Return the distinct names in the field. */
const names = () => [...new Set(field.value.split("\n").map((name) => name.trim()).filter(Boolean))];

/** @param {Setup} now */
function show(now) {
  if (now.made) {
    location.replace(now.made);
    return;
  }
  $("data").textContent = `${count(now.images, "image")} in ${now.data}. They stay where they are.`;
  $("place").textContent = `Classes, answers and models are saved in ${now.folder}. You can add classes later, in its file spotal.toml.`;
  const offer = $("folders");
  offer.hidden = !now.names.length;
  offer.textContent = `Use the names of the ${now.names.length} sub-folders`;
  offer.onclick = () => {
    field.value = now.names.join("\n");
    check();
  };
  $("form").hidden = now.making;
  $("making").hidden = !now.making;
  complain(now.error);
  const bar = $("bar", HTMLProgressElement);
  if (now.total) {
    bar.max = now.total;
    bar.value = now.done;
  } else bar.removeAttribute("value");
  $("step").textContent = `${capital(now.what)}${now.total ? `: ${now.done.toLocaleString("en")} of ${now.total.toLocaleString("en")}` : ""}`;
  if (now.making) setTimeout(look, PAUSE);
}

/** @param {string | null} error */
function complain(error) {
  $("banner").hidden = !error;
  $("banner").textContent = error ? capital(error) : "";
}

/** Show the number of classes, or what is wrong. */
function check() {
  const n = names().length;
  $("start", HTMLButtonElement).disabled = n < 2;
  const isListed = n === 1 && /[,;\t]/.test(field.value);
  const missing = isListed ? ": put each name on its own line" : n < 2 ? ": give at least two" : "";
  $("count").textContent = n ? count(n, "class", "classes") + missing : "";
}

async function look() {
  try {
    show(await get("api/setup"));
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
    if (error instanceof Lost) setTimeout(look, 5 * PAUSE);
  }
}

field.addEventListener("input", check);
$("form").onsubmit = async (event) => {
  event.preventDefault();
  try {
    show(await post("api/setup", { classes: names() }));
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
};
look();
