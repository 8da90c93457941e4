// What server and page say to each other: written by state.py and app.py, read by static/*.js. For `tsc` only.

export type Kind = "label" | "skip" | "none_of_these";

/** A standing answer. */
export interface Word {
  kind: Kind;
  label: string | null;
}

/** An answer, or the undo of one, as the page keeps and sends it. */
export interface Answer {
  id: string;
  item: number;
  annotator: string | null;
  kind: Kind | "undo";
  label?: string | null;
  content?: string;
  /** Whether a person confirmed what was suggested. */
  suggested?: boolean;
  /** The id of the answer that an undo takes back. */
  of?: string;
}

/** What the server said to an answer: what holds now, or why it cannot be recorded. */
export type Said = { id: string; item?: number; now?: Word | null; error?: string };

/** One guess of the model, or of an imported file, which may give no probability. */
export interface Guess {
  label: string;
  probability: number | null;
}

/** An item of the pool. Images have addresses, texts a text. */
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
  /** What each person said, where they disagree. */
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

/** Answers that undo may take back, newest first; `round` was the newest one when the answer was given, -1 before the first. */
export type Undoable = { id: string; item: number; name: string; round: number }[];

/** What became of items by number: the index of a class, a mark below 0, or null for nothing. */
export type Marks = Record<string, number | null>;

/** Long work of the server: one at a time, running while `outcome` is null. See jobs.py. */
export interface Job {
  id: number;
  task: string;
  doing: string;
  by: string | null;
  outcome: "done" | "failed" | "canceled" | "finished" | null;
  what: string;
  done: number;
  total: number | null;
  /** Seconds, where that can be said. */
  left: number | null;
  sentence: string;
  notes: string[];
  file: string | null;
}

interface Greeting {
  key: string;
  annotator: string | null;
  version: string;
  /** The job that is running, or the last one. */
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

/** Everything, as at first and after a new batch or model. */
export interface State extends Figures {
  folder: string;
  name: string;
  kind: Item["kind"];
  classes: string[];
  /** Whether an item may have several of the classes, or none. A label is then their names with "|" between. */
  many: boolean;
  map: string | null;
  /** Whether a model has guessed. */
  guesses: boolean;
  curve: Point[];
  undoable: Undoable;
  gone?: undefined;
}

/** What is different from the state that the page has. */
export interface Change extends Figures {
  still: number[];
  gone: number[];
  marks: Marks;
  undoable?: Undoable;
}

/** What `GET api/state` returns; the last where nothing is different. */
export type Reply = State | Change | (Greeting & { tasks?: undefined; gone?: undefined });

/** An item that people answered, with the last word of each. */
export interface Reviewed extends Item {
  round: number | null;
  votes: Record<string, Word & { suggested?: boolean }>;
  /** The model's, where items were chosen by it. */
  guess: { label: string | null; probability: number } | null;
}

/** What `GET api/review` returns: the items of one page, and how many there are in all. */
export interface Review {
  items: Reviewed[];
  total: number;
  people: string[];
}

/** Unlabeled items that look like a labeled one, and of which the model is sure. */
export interface Strip {
  label: string;
  like: Item;
  items: Item[];
}

/** What `GET api/suggestions` returns; `sure` is the least probability of a guess. */
export interface Suggestions {
  sure: number;
  strips: Strip[];
}

/** What `GET api/setup` returns, before there is a project; `made` is the address of its page when there is one. */
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

/** What `GET api/map` returns. */
export interface Atlas {
  name: string;
  numbers: number[];
  x: number[];
  y: number[];
  marks: Marks;
}
