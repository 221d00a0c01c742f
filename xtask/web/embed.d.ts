// The messages between an embed and the page around it, and the element of embed.js. README.md, "Embedding", has them
// in words. Every message carries `breakable: 1`; what has another number is refused with a sentence.

/** A knob's or an argument's value: a number, a choice by its key, a switch. As an address writes it also works. */
export type Value = number | string | boolean;
/** A caller's own mark; the answer to its message carries it. */
export type Id = number | string;
export type Theme = "light" | "dark" | "system";
/** Seconds of the run, or exactly as the runner writes it: `"59.9s"`, `"200ms"`. */
export type Time = number | string;

/** A moment of a run between two events, as `state.exact` has it. */
export interface Exact {
  us: number;
  events: number;
  /** Of side B, if there is one. */
  events_b?: number;
}

interface Call<T extends string> {
  breakable: 1;
  type: T;
  /** With a mark, each message is answered, by a `state` or an `error` that carries it. */
  id?: Id;
}

/** Starts a run: a preset or an experiment, a query as in an address, or the run of a link. */
export type What =
  | { preset?: string; query?: string; link?: never }
  | { /** `#r=...`, or an address that ends so. */ link: string; preset?: never; query?: never };

export interface Changes {
  knobs?: Record<string, Value>;
  /** Whose knobs, in an A|B. */
  side?: "a" | "b";
  seed?: number | string;
  /** Simulated seconds per second, from 0.05 to 64. */
  speed?: number;
  theme?: Theme;
}

export type Load = Call<"load"> & What;
export type SetMessage = Call<"set"> & Changes;
export interface Act extends Call<"act"> {
  name: string;
  args?: Record<string, Value>;
  /** When; now if it is left out. In the past it makes another future, and the old one stays selectable. */
  at?: Time;
}
export type Play = Call<"play">;
export type Pause = Call<"pause">;
export type Seek = Call<"seek"> & ({ time: Time; exact?: never } | { exact: Exact; time?: never });
export interface Query extends Call<"query"> {
  /** From now on tell the state this often while the run moves, in milliseconds from 100; 0 for not any more. */
  every?: number;
}
/** What an embed takes. */
export type ToEmbed = Load | SetMessage | Act | Play | Pause | Seek | Query;

interface Word<T extends string> {
  breakable: 1;
  type: T;
}

export interface Declared {
  key: string;
  label: string;
  unit: string;
  min?: number;
  max?: number;
  /** The keys of a choice; a switch has neither these nor a range. */
  choices?: string[];
  default: Value;
  /** Can be moved while the run goes on; another one starts it anew. */
  live: boolean;
}

/** The first message: the embed listens from now on, and this is what can be driven. */
export interface Ready extends Word<"ready"> {
  question: string;
  title: string;
  /** Of the model: the same run of another version may go otherwise. */
  version: number;
  presets: { id: string; title: string }[];
  knobs: Declared[];
  acts: { key: string; label: string; args: Declared[] }[];
  numbers: { key: string; label: string; unit: string }[];
}

/** How high the stage is at the frame's width, in CSS pixels. */
export interface Height extends Word<"height"> {
  height: number;
  /** Whether the reader or the host has just done something, so that the page may move. */
  asked: boolean;
}

export interface SideState {
  knobs: Record<string, Value>;
  /** Null where there are too few samples. */
  numbers: Record<string, number | null>;
  /** Of the run's whole history: equal digests, equal runs. */
  digest: string;
}

/** Where the run stands: the answer to `query`, and told when something other than time has changed. */
export interface State extends Word<"state">, SideState {
  id?: Id;
  question: string;
  preset: string | null;
  experiment: string | null;
  seed: number | string;
  speed: number;
  theme: Theme;
  playing: boolean;
  /** More happens than this machine can simulate at this speed. */
  behind: boolean;
  /** In seconds. */
  time: number;
  exact: Exact;
  /** Side B, in an A|B. */
  b?: SideState;
  /** `#r=...`: brings anybody to this moment, behind the address of the question's page or of the embed. */
  link: string;
  /** What of an address or a link was ignored, and why. */
  notes: string[];
}

interface Happened<N extends string> extends Word<"event"> {
  name: N;
  /** When it was noticed, in seconds of the run. */
  time: number;
}

/** What has happened, whoever did it. */
export type BreakableEvent =
  | (Happened<"load"> & { preset: string | null; experiment: string | null })
  | Happened<"play">
  | Happened<"pause">
  | Happened<"end">
  | (Happened<"seek"> & { from: number })
  | (Happened<"act"> & { act: string; args: Record<string, Value>; at: number })
  | (Happened<"knob"> & { knob: string; value: Value; at: number })
  | (Happened<"measured"> & {
      experiment: string;
      measure: string;
      value: number | null;
      /** Which of the experiment's answers the run has made right, from 0. */
      choice: number | null;
    });

/** A message was not understood and has changed nothing. */
export interface ErrorMessage extends Word<"error"> {
  id?: Id;
  /** What was wrong and what was expected. */
  message: string;
}

/** What an embed says. */
export type FromEmbed = Ready | Height | State | BreakableEvent | ErrorMessage;

/** `<breakable-widget question="rate-limiter-design">`. Attributes changed later are followed. */
export interface BreakableWidget extends HTMLElement {
  /** Each promise is kept with the state afterwards, or broken with the sentence of the error. */
  play(): Promise<State>;
  pause(): Promise<State>;
  seek(to: Time | Exact): Promise<State>;
  set(changes: Changes): Promise<State>;
  act(name: string, args?: Record<string, Value>, at?: Time): Promise<State>;
  load(what: What): Promise<State>;
  query(every?: number): Promise<State>;

  addEventListener<K extends keyof BreakableEvents>(
    type: K,
    listener: (this: BreakableWidget, event: BreakableEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** They bubble; `detail` is the message. */
export interface BreakableEvents {
  "breakable-ready": CustomEvent<Ready>;
  "breakable-height": CustomEvent<Height>;
  "breakable-state": CustomEvent<State>;
  "breakable-event": CustomEvent<BreakableEvent>;
  "breakable-error": CustomEvent<ErrorMessage>;
}

declare global {
  interface HTMLElementTagNameMap {
    "breakable-widget": BreakableWidget;
  }
}
