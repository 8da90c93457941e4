// Types of the messages between server and page: sent by state.py and app.py, read by static/*.js. For `tsc` only.

export type Kind = "label" | "skip" | "none_of_these";

/** An answer that is valid now. */
export interface Word {
  kind: Kind;
  label: string | null;
}

/** An answer, or the undo of one, as the page stores and sends it. */
export interface Answer {
  id: string;
  item: number;
  annotator: string | null;
  kind: Kind | "undo";
  label?: string | null;
  content?: string;
  /** Whether a person confirmed a suggestion. */
  suggested?: boolean;
  /** The id of the answer to undo. */
  of?: string;
}

/** The server's reply to an answer: the item's answer now, or the reason why it was refused. */
export type AnswerReply = { id: string; item?: number; now?: Word | null; error?: string };

/** A guess of the model, or a suggestion of an imported file, which may have no probability. */
export interface Guess {
  label: string;
  probability: number | null;
}

/** An item of the pool. Images have the addresses of their pictures, texts have a text. */
export interface Item {
  number: number;
  id: string;
  kind: "image" | "text" | "embedding";
  content: string;
  text?: string;
  small?: string;
  large?: string;
}

export interface Why {
  audit: boolean;
  round: number;
  stands_for: number | null;
  mass: number | null;
  uncertainty: number | null;
  neighbors: Item[];
}

/** An item that waits for an answer. */
export interface Task extends Item {
  order: number;
  why: Why | null;
  guess: Guess[];
  suggested: boolean;
  /** The answer of each person, if they disagree. */
  votes: Record<string, string | null> | null;
}

export interface Counts {
  items: number;
  labeled: number;
  conflicts: number;
  open: number;
  overlap: number;
  spent: number;
  budget: number | null;
  left: number | null;
  cost: number | null;
}

/** Accuracy of one model. */
export interface Point {
  labels: number;
  value: number;
  low: number;
  high: number;
  n: number;
}

export interface Round {
  number: number;
  strategy: string;
  size: number;
  waiting: number;
}

/** Answers that can be undone, newest first; `round` was the newest round when the answer was given, -1 before the first. */
export type Undoable = { id: string; item: number; name: string; round: number }[];

/** Marks of items by number: the index of a class, a number below 0, or null for no mark. */
export type Marks = Record<string, number | null>;

/** Long work of the server, one job at a time. `outcome` is null while it runs; "finished" means nothing to choose. */
export interface Job {
  id: number;
  task: string;
  doing: string;
  by: string | null;
  outcome: "done" | "failed" | "canceled" | "finished" | null;
  what: string;
  done: number;
  total: number | null;
  /** Estimate of the remaining seconds. */
  left: number | null;
  sentence: string;
  notes: string[];
  file: string | null;
}

interface Greeting {
  key: string;
  annotator: string | null;
  version: string;
  /** The running job, or the last one. */
  job: Job | null;
  /** Tasks that can be started. */
  jobs: string[];
}

interface Figures extends Greeting {
  counts: Counts;
  waits: string;
  round: Round | null;
  tasks: Task[];
  end: number;
}

/** The full state: at first, and after a new batch or model. */
export interface State extends Figures {
  folder: string;
  name: string;
  kind: Item["kind"];
  classes: string[];
  /** Whether an item may have several classes. A label is then their names, separated by "|". */
  many: boolean;
  map: string | null;
  /** Whether there are guesses of a model. */
  guesses: boolean;
  curve: Point[];
  undoable: Undoable;
  gone?: undefined;
}

/** The changes since the state that the page has. */
export interface Change extends Figures {
  still: number[];
  gone: number[];
  marks: Marks;
  undoable?: Undoable;
}

/** The response of `GET api/state`; the last type if nothing has changed. */
export type Reply = State | Change | (Greeting & { tasks?: undefined; gone?: undefined });

/** An answered item, with the last answer of each person. */
export interface Reviewed extends Item {
  round: number | null;
  votes: Record<string, Word & { suggested?: boolean }>;
  /** The model's guess, if items are filtered by it. */
  guess: { label: string | null; probability: number } | null;
}

/** The response of `GET api/review`: the items of one page, and the number of all matching items. */
export interface Review {
  items: Reviewed[];
  total: number;
  people: string[];
}

/** Unlabeled items that look like a labeled one and that the model is sure of. */
export interface Strip {
  label: string;
  like: Item;
  items: Item[];
}

/** The response of `GET api/suggestions`; `sure` is the smallest probability of a guess. */
export interface Suggestions {
  sure: number;
  strips: Strip[];
}

/** The response of `GET api/setup`; `made` is the address of the project's page when the project is made. */
export interface Setup {
  data: string;
  folder: string;
  images: number;
  /** Names of sub-folders. */
  names: string[];
  making: boolean;
  what: string;
  done: number;
  total: number;
  error: string | null;
  made: string | null;
}

/** The response of `GET api/map`. */
export interface Atlas {
  name: string;
  numbers: number[];
  x: number[];
  y: number[];
  marks: Marks;
}
