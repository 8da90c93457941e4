// The page before there is a project: asks for the classes, has the project made, and goes on to its labeling page.

/** @import { Setup } from "../protocol.d.ts" */

import { Lost, get, post } from "./api.js";
import { $, count } from "./dom.js";
import { capital } from "./jobs.js";

const PAUSE = 400; // ms between two looks at how far it is

const field = $("classes", HTMLTextAreaElement);

/** The names in the field, none empty and none twice. */
const names = () => [...new Set(field.value.split("\n").map((name) => name.trim()).filter(Boolean))];

/** @param {Setup} now */
function show(now) {
  if (now.made) {
    location.replace(now.made);
    return;
  }
  $("data").textContent = `${count(now.images, "image")} in ${now.data}. They stay where they are.`;
  $("place").textContent = `Classes, answers and models are kept in ${now.folder}. More classes can be added later, in its file spotal.toml.`;
  const offer = $("folders");
  offer.hidden = !now.names.length;
  offer.textContent = `Take the names of the ${now.names.length} sub-folders`;
  offer.onclick = () => {
    field.value = now.names.join("\n");
    tell();
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

/** How many classes there are, or what is missing. */
function tell() {
  const n = names().length;
  $("start", HTMLButtonElement).disabled = n < 2;
  const isListed = n === 1 && /[,;\t]/.test(field.value);
  const missing = isListed ? ": give each name a line of its own" : n < 2 ? ": give two at least" : "";
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

field.addEventListener("input", tell);
$("form").onsubmit = async (event) => {
  event.preventDefault();
  try {
    show(await post("api/setup", { classes: names() }));
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error));
  }
};
look();
