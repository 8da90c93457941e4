// One item at a time.

/** @import { Task } from "../protocol.d.ts" */
/** @import { Session, Shown } from "./session.js" */

import { h, picture } from "./dom.js";
import { PictureZoom } from "./picture_zoom.js";
import { spoken } from "./session.js";
import { several } from "./several.js";

const AHEAD = 4; // number of images that are loaded in advance

export class SingleView {
  /** @type {number | null} */ shown = null;
  /** @type {string | null} */ content = null;
  /** @type {HTMLImageElement | null} */ image = null;
  /** @type {HTMLImageElement[]} */ ahead = [];

  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.frame = h("div", { className: "frame" });
    this.zoom = new PictureZoom(this.frame);
    this.caption = h("p", { className: "caption" });
    this.notice = h("p", { className: "notice", hidden: true });
  }

  open() {
    this.place.replaceChildren(this.frame, this.caption, this.notice);
  }

  /** Return why the item cannot be answered now, or null. */
  get obstacle() {
    if (!this.image || (this.image.complete && this.image.naturalWidth)) return null;
    return this.image.complete ? "The picture cannot be shown: skip the item, or answer none of these" : "Wait until the picture is shown";
  }

  /** @param {Session} session */
  update(session) {
    const { task } = session;
    if (!task) return;
    const all = [...session.tasks.keys()];
    if (this.shown !== task.number || this.content !== task.content) this.show(task);
    const place = `${all.indexOf(task.number) + 1} of ${all.length}`;
    this.caption.replaceChildren(h("span", { className: "id", title: task.id }, task.id), h("span", {}, place));
    const words = this.words(session, task);
    this.notice.hidden = !words;
    this.notice.textContent = words;
    const after = session.open.filter((number) => number !== task.number).slice(0, AHEAD);
    this.ahead = after.flatMap((number) => session.tasks.get(number)?.large ?? []).map(preload);
  }

  /** @param {Task} task */
  show(task) {
    this.shown = task.number;
    this.content = task.content;
    this.image = null;
    if (task.kind === "image") this.zoom.show(this.picture(task));
    else if (task.kind === "text") this.frame.replaceChildren(h("blockquote", { tabIndex: 0, className: "reading" }, task.text));
    else this.frame.replaceChildren(h("p", { className: "blank" }, "This project has only numbers and nothing to show. Look up the item", h("b", {}, task.id)));
  }

  /** @param {Task} task */
  picture(task) {
    const image = picture(task.large ?? "", { alt: `Item ${task.id}`, decoding: "sync" });
    image.onerror = () => this.frame.replaceChildren(h("p", { className: "blank" }, "The picture cannot be shown:", h("b", {}, task.id)));
    this.image = image;
    return image;
  }

  /** Return a sentence about the item's answers. @param {Session} session @param {Shown} task */
  words(session, task) {
    const word = session.words.get(task.number);
    if (word) return `Your answer: ${word.kind === "label" ? spoken(word) : spoken(word).toLowerCase()}. Answer again to change it.`;
    if (task.elsewhere) return "Answered meanwhile, in another tab or by somebody else. Go to the next item (→), or answer too.";
    if (!task.votes) return "";
    const votes = Object.entries(task.votes).map(([who, label]) => `${who} says ${several.phrase(label) || "none of these"}`);
    return `Conflict: ${votes.join(", ")}. Your answer counts too.`;
  }
}

/** @param {string} source */
function preload(source) {
  const image = new Image();
  image.src = source;
  return image;
}
