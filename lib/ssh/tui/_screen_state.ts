import type { Grid } from "./grid.ts";
import type { ListState, ListView } from "./list_state.ts";
import { type MenuItem, type Overlay } from "./_overlay.ts";
import type { PanelId } from "./_panels.ts";

/** What takes the keys. */
export type Focus = "user" | PanelId;

/** Everything of the page that is not in the model. */
export interface ScreenState {
  /** Which panels are shown, in order. */
  readonly shown: readonly PanelId[];
  /** What takes the keys, unless an overlay does. */
  readonly focus: Focus;
  /** Where the user is in each. */
  readonly lists: Readonly<Record<PanelId, ListState>>;
  /** What lies over the page. */
  readonly overlay: Overlay | null;
  /** Shown in the last line until then, on the clock that never goes back. */
  readonly notice: { readonly text: string; readonly until: number } | null;
  /** What the user wants; `null`: to stay. */
  readonly outcome: "quit" | "sign-out" | null;
}

/** What a cell of the page stands for. */
export type Target =
  | { readonly on: "panel"; readonly panel: PanelId }
  | { readonly on: "row"; readonly panel: PanelId; readonly index: number }
  | { readonly on: "session" }
  | { readonly on: "user" }
  /** As if the key had been pressed. */
  | { readonly on: "key"; readonly key: string }
  | { readonly on: "item"; readonly index: number }
  | { readonly on: "button"; readonly index: number }
  | { readonly on: "overlay" };

/** A part of the page that answers to the mouse. */
export interface Hit {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly target: Target;
}

/** The page as it was drawn last, which is what the user acts on; keys that come at once may find it a step behind. */
export interface ScreenFrame {
  readonly grid: Grid;
  /** The last that covers a cell is on top. */
  readonly hits: readonly Hit[];
  /** The lists of the panels, also of those that are not shown. */
  readonly lists: Readonly<Record<PanelId, ListView>>;
  /** What can be done with a row. */
  menuOf(panel: PanelId, index: number): readonly MenuItem[];
  /** The last `top` of the dialog that shows something new. */
  readonly lastDialogTop: number;
}

/** The page as it opens. */
export const FIRST_STATE: ScreenState = {
  shown: [1, 2, 3, 4],
  focus: 1,
  lists: {
    1: { selected: null, top: "end" },
    2: { selected: null, top: 0 },
    3: { selected: null, top: 0 },
    4: { selected: null, top: "end" },
  },
  overlay: null,
  notice: null,
  outcome: null,
};

/** What is under the mouse. */
export function targetAt(frame: ScreenFrame, { x, y }: { x: number; y: number }): Target | null {
  const hit = frame.hits.findLast((one) =>
    x >= one.x && x < one.x + one.width && y >= one.y && y < one.y + one.height
  );
  return hit?.target ?? null;
}
