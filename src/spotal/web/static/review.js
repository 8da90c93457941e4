// Earlier answers: filter them, and correct one or many at once.

/** @import { Review as Reply, Reviewed } from "../protocol.d.ts" */
/** @import { Box } from "./map_tools.js" */
/** @import { Session } from "./session.js" */

import { get } from "./api.js";
import { count, h, listed, percent, picture } from "./dom.js";
import { color } from "./marks.js";
import { spoken } from "./session.js";
import { several } from "./several.js";
import { sizes } from "./sizes.js";

const PAUSE = 250; // ms from the last letter to the request
/** @type {[value: string, name: string][]} choices after the classes */
const OTHERS = [["kind:none_of_these", "None of these"], ["kind:skip", "Skipped"], ["only:disagreement", "People disagree"], ["only:suggested", "Confirmed suggestions"]];

/** @type {[value: string, name: string][]} choices by the model's guess */
const MODEL = [["", "Any guess"], ["disagrees", "Model disagrees"], ["sure", "Model is sure"], ["unsure", "Model is unsure"]];

export class Review {
  /** @type {Set<number>} */ marked = new Set();
  /** @type {Reviewed[]} */ items = [];
  /** @type {Map<number, HTMLButtonElement>} */ tiles = new Map();
  /** @type {string | null} why an answer must wait */
  obstacle = null;
  total = 0;
  asked = 0;
  recorded = -1; // number of this page's answers when the list was loaded
  /** @type {Box | null} part of the map that the list is limited to */
  box = null;
  /** @type {string | null} */ round = null;
  classes = "";
  people = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer;

  /**
   * @param {HTMLElement} place
   * @param {Session} session
   * @param {() => void} changed called when the marked items change
   */
  constructor(place, session, changed) {
    this.place = place;
    this.session = session;
    this.changed = changed;
    const reload = () => this.load();
    this.byAnswer = h("select", { "aria-label": "Answer", onchange: reload });
    this.byPerson = h("select", { "aria-label": "Person", onchange: reload });
    this.byRound = h("select", { "aria-label": "Round", onchange: reload });
    this.byModel = h("select", { "aria-label": "Model", onchange: reload });
    fill(this.byModel, MODEL);
    this.byText = h("input", {
      type: "search",
      placeholder: "Name or text",
      "aria-label": "Part of the name or text",
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(reload, PAUSE);
      },
    });
    this.filters = h("div", { className: "filters", role: "search" }, this.byAnswer, this.byPerson, this.byRound, this.byModel, this.byText);
    this.list = h("div", { className: "grid", role: "group", "aria-label": "Answered items" });
    this.hint = h("span", { role: "status" });
    this.all = h("button", { type: "button", className: "plain", onclick: () => this.markAll() });
    this.more = h("button", { type: "button", className: "plain", onclick: () => this.load(this.items.length) }, "Show more");
    this.foot = h("div", { className: "foot" }, this.hint, this.more, this.all, sizes());
    this.whole = h("button", { type: "button", className: "plain", onclick: () => this.within(null) }, "Leave the box");
    this.boxed = h("div", { className: "foot boxed", hidden: true }, h("span", {}, "All items in the box that you drew on the map. Items that measure accuracy are shown only if they are answered."), this.whole);
    this.about = h("p", { className: "note" });
    this.notice = h("p", { className: "notice", role: "status", hidden: true });
  }

  open() {
    this.place.replaceChildren(this.boxed, this.filters, this.about, this.list, this.foot, this.notice);
    this.load();
  }

  /** Show the items in a part of the map; null shows all again. @param {Box | null} box */
  within(box) {
    this.box = box;
    this.session.dispatchEvent(new CustomEvent("box", { detail: box }));
    this.boxed.hidden = !box;
    for (const filter of [this.byAnswer, this.byPerson, this.byRound, this.byModel, this.byText]) filter.value = "";
    this.marked.clear();
    this.load();
  }

  get targets() {
    return [...this.marked];
  }

  /** Return the contents of the items shown, which are sent with an answer. */
  get contents() {
    return new Map(this.items.map(({ number, content }) => [number, content]));
  }

  /** Load the answers that match the filters; from `start` on, add them to the list. @param {number} [start] */
  async load(start = 0) {
    clearTimeout(this.timer);
    const asked = ++this.asked;
    const { recorded } = this.session;
    const { what, value } = split(this.byAnswer.value);
    const filters = new URLSearchParams({ text: this.byText.value, start: String(start) });
    if (what) filters.set(what, value);
    if (this.byPerson.value) filters.set("person", this.byPerson.value);
    if (this.byRound.value) filters.set("round", this.byRound.value);
    if (this.box) filters.set("box", this.box.join(","));
    if (this.byModel.value) filters.set("model", this.byModel.value);
    /** @type {Reply | null} */
    const reply = await get(`api/review?${filters}`).catch(() => null); // the banner shows that the server is lost
    if (!reply || asked !== this.asked) return;
    this.recorded = recorded;
    this.total = reply.total;
    this.items = start ? [...this.items, ...reply.items] : reply.items;
    const numbers = new Set(this.items.map(({ number }) => number));
    for (const number of this.marked) if (!numbers.has(number)) this.marked.delete(number);
    this.fillPeople(reply.people);
    this.tiles = new Map(this.items.map((item) => [item.number, this.tiles.get(item.number) ?? this.tile(item)]));
    this.list.replaceChildren(...this.tiles.values());
    this.changed();
  }

  /** @param {Session} session */
  update(session) {
    this.fillFilters();
    if (this.recorded >= 0 && this.recorded !== session.recorded && !session.saving && !session.lost) this.load();
    for (const item of this.items) this.refresh(item);
    const n = this.marked.size;
    this.hint.textContent = n ? `${count(n, "item")} marked: choose the right answer below` : `${count(this.total, this.box ? "item" : "answered item")}. Mark the ones to ${this.box ? "answer or " : ""}correct`;
    this.explain();
    this.all.hidden = !this.items.length;
    this.all.textContent = n === this.items.length ? "Unmark all" : `Mark all ${this.items.length}`;
    this.more.hidden = this.items.length >= this.total;
  }

  /** Explain the model filter, and what happens to answers of other people. */
  explain() {
    const { annotator } = this.session;
    this.about.hidden = !this.byModel.value;
    this.about.textContent = this.byModel.value === "disagrees"
      ? "Answers that differ from the model's guess, the most confident guess first. Some of them may be mistakes. Items that measure accuracy are left out."
      : "Selected by the model's guess, which is shown below the answer. Items that measure accuracy are left out.";
    const others = this.items.filter(({ number, votes }) => this.marked.has(number) && Object.keys(votes).some((who) => who !== annotator));
    const people = [...new Set(others.flatMap(({ votes }) => Object.keys(votes)))].filter((who) => who !== annotator);
    this.notice.hidden = !others.length;
    this.notice.textContent = others.length
      ? `${count(others.length, "marked item")} ${others.length === 1 ? "was" : "were"} answered by ${listed(people)}. Your answer does not replace theirs: all answers are kept, and the majority decides. After a tie, the item is asked again.`
      : "";
  }

  fillFilters() {
    const { state } = this.session;
    if (!state) return;
    const rounds = String(state.round?.number ?? "");
    const classes = state.classes.join("\n");
    if (classes !== this.classes) {
      this.classes = classes;
      fill(this.byAnswer, [["", "All answers"], ...state.classes.map((name) => /** @type {[string, string]} */ ([`label:${name}`, name])), ...OTHERS]);
    }
    if (rounds === this.round) return;
    this.round = rounds;
    const numbers = Array.from({ length: state.round ? state.round.number + 1 : 0 }, (_, k) => k);
    fill(this.byRound, [["", "All rounds"], ...numbers.map((k) => /** @type {[string, string]} */ ([String(k), `Round ${k + 1}`]))]);
  }

  /** @param {string[]} people */
  fillPeople(people) {
    if (this.people === people.join("\n") && this.byPerson.options.length) return;
    this.people = people.join("\n");
    fill(this.byPerson, [["", "All people"], ...people.map((name) => /** @type {[string, string]} */ ([name, name]))]);
  }

  /** @param {Reviewed} item */
  tile(item) {
    const { number, id, kind, small, text } = item;
    const face = kind === "image" ? picture(small ?? "", { alt: "", loading: "lazy" }) : h("span", { className: "excerpt" }, text ?? id);
    const tile = h("button", { type: "button", className: "tile", title: id, data: { number } }, face, h("span", { className: "chip done" }));
    tile.onclick = () => {
      if (!this.marked.delete(number)) this.marked.add(number);
      this.changed();
    };
    return tile;
  }

  /** @param {Reviewed} item */
  refresh({ number, id, text, votes, guess }) {
    const tile = this.tiles.get(number);
    const chip = tile?.querySelector(".chip");
    if (!tile || !chip) return;
    const { words, annotator, state } = this.session;
    const mine = words.get(number);
    const given = new Map(Object.entries(votes));
    if (mine && annotator) given.set(annotator, mine); // it may not be sent yet
    const answers = [...new Set([...given.values()].map(spoken))];
    chip.replaceChildren(answers.join(" / "), ...(guess ? [h("small", {}, `model: ${several.phrase(guess.label) || "none of these"} ${percent(guess.probability)}`)] : []));
    const only = answers.length === 1 ? (state?.classes.indexOf(answers[0] ?? "") ?? -1) : -1;
    chip.className = `chip done ${only < 0 ? "" : color(only)}`;
    const people = [...given].map(([who, word]) => `${who}: ${spoken(word)}${word === votes[who] && votes[who]?.suggested ? ", a confirmed suggestion" : ""}`).join("; ");
    tile.title = `${id} (${people})`;
    tile.setAttribute("aria-label", `${text?.slice(0, 80) ?? id}, ${people}`);
    tile.setAttribute("aria-pressed", String(this.marked.has(number)));
  }

  markAll() {
    if (this.marked.size === this.items.length) this.marked.clear();
    else for (const { number } of this.items) this.marked.add(number);
    this.changed();
  }
}

/** @param {HTMLSelectElement} select @param {[value: string, name: string][]} choices */
function fill(select, choices) {
  const { value } = select;
  select.replaceChildren(...choices.map(([value, name]) => h("option", { value }, name)));
  if (choices.some(([one]) => one === value)) select.value = value;
}

/** @param {string} choice such as "label:red" */
function split(choice) {
  const at = choice.indexOf(":");
  return { what: choice.slice(0, Math.max(0, at)), value: choice.slice(at + 1) };
}
