import type { Key } from "./input_parser.ts";

/** Where somebody is in a list. */
export interface ListState {
  /** The row that is selected: its key, and where it was last; `null`: none. */
  readonly selected: { readonly key: string; readonly index: number } | null;
  /** The first row that is shown; `end`: as many of the last as there is room for. */
  readonly top: number | "end";
}

/** A list as it was last shown. */
export interface ListView {
  /** What tells rows apart, also after others have come and gone. */
  readonly keys: readonly string[];
  /** How many rows there is room for. */
  readonly height: number;
}

/** Where the selected row is now; `null` when none is. A row that has gone leaves the selection in its place. */
export function selectedIndex(list: ListState, keys: readonly string[]): number | null {
  const { selected } = list;
  if (selected === null || keys.length === 0) return null;
  if (keys[selected.index] === selected.key) return selected.index;
  const found = keys.indexOf(selected.key);
  return found >= 0 ? found : Math.min(selected.index, keys.length - 1);
}

/** The first row to show, so that the selected one is among them. */
export function topRow(list: ListState, { keys, height }: ListView): number {
  const last = Math.max(0, keys.length - height);
  const top = list.top === "end" ? last : Math.min(list.top, last);
  const index = selectedIndex(list, keys);
  if (index === null || height <= 0) return top;
  return Math.min(Math.max(top, index - height + 1), index);
}

/** Selects a row. */
export function select(list: ListState, view: ListView, index: number): ListState {
  if (view.keys.length === 0) return list;
  const within = Math.max(0, Math.min(index, view.keys.length - 1));
  const selected = { key: view.keys[within]!, index: within };
  return { selected, top: topRow({ selected, top: topRow(list, view) }, view) };
}

/** Shows other rows; the selected one stays in sight. */
export function scroll(list: ListState, view: ListView, byRows: number): ListState {
  const last = Math.max(0, view.keys.length - view.height);
  const top = Math.max(0, Math.min(topRow(list, view) + byRows, last));
  const index = selectedIndex(list, view.keys);
  const followed = last === 0 ? list.top : top === last ? "end" : top;
  const moved: ListState = { selected: list.selected, top: followed };
  if (index === null) return moved;
  const within = Math.max(top, Math.min(index, top + view.height - 1));
  return { ...moved, selected: { key: view.keys[within]!, index: within } };
}

/** Moves by a key, or by a letter as `vi` and `less` have them. @returns `null` when it is none of them */
export function moveByKey(list: ListState, view: ListView, key: Key | string): ListState | null {
  const page = Math.max(1, view.height);
  const half = Math.max(1, Math.floor(page / 2));
  const steps: Readonly<Record<string, number>> = {
    up: -1,
    k: -1,
    down: 1,
    j: 1,
    "page-up": -page,
    b: -page,
    "page-down": page,
    f: page,
    " ": page,
    u: -half,
    "ctrl-u": -half,
    d: half,
    "ctrl-d": half,
    home: -Infinity,
    g: -Infinity,
    end: Infinity,
    G: Infinity,
  };
  const step = Object.hasOwn(steps, key) ? steps[key]! : null;
  if (step === null) return null;
  const from = selectedIndex(list, view.keys);
  if (from !== null) return select(list, view, from + step);
  const top = topRow(list, view);
  const lastShown = Math.min(top + view.height, view.keys.length) - 1;
  if (Math.abs(step) === 1) return select(list, view, step > 0 ? top : lastShown);
  return select(list, view, (step > 0 ? lastShown : top) + step);
}
