import { utf8 } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { Terminal } from "../handlers.ts";
import { Grid, type Size } from "./grid.ts";
import type { InputEvent } from "./input_parser.ts";
import { type ListState, moveByKey, scroll, select, selectedIndex, topRow } from "./list_state.ts";
import { type Page, type PageRequest, showPage } from "./show_page.ts";
import { terminalFeatures } from "./terminal_features.ts";

const MAX_FILTER_CHARACTERS = 128;
const FILTER_LABEL = "Filter: ";
/** Title, filter, a free line; below, the keys. */
const FIRST_ROW = 3;
const WHEEL_ROWS = 3;

/**
 * Lets the user pick a route by arrow keys, mouse, or typing a part of its name; Ctrl-C, and `q` while nothing is typed,
 * pick none. Leaves the terminal clean, and reads nothing from it after the input that picked. A terminal that can only show
 * line after line is shown the list, and picks none.
 *
 * @param options `routes`: to pick from, such as `ann@db`; `title`: above them; `signal`: ends it
 * @returns one of `routes`; `null` when none was picked, or the client is gone
 */
export async function pickRoute(
  terminal: Terminal,
  { routes, title, clock, signal }: {
    routes: readonly string[];
    title: string;
    clock: Clock;
    signal?: AbortSignal;
  },
): Promise<string | null> {
  if (!terminalFeatures(terminal).isAddressable) {
    await terminal.stream.write(utf8([title, ...routes.map((route) => `  ${route}`), ""].join("\r\n"))).catch(
      () => {},
    );
    return null;
  }
  const page = new PickerPage({ routes, title });
  await showPage(terminal, { page, clock, signal });
  return page.picked;
}

class PickerPage implements Page {
  readonly #routes: readonly string[];
  readonly #title: string;
  #filter = "";
  #found: readonly string[];
  #list: ListState = { selected: null, top: 0 };
  #height = 0;
  #isOver = false;
  #picked: string | null = null;

  constructor({ routes, title }: { routes: readonly string[]; title: string }) {
    this.#routes = routes;
    this.#title = title;
    this.#found = routes;
    this.#search("");
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get picked(): string | null {
    return this.#picked;
  }

  changesInMs(): null {
    return null;
  }

  paint(size: Size): Grid {
    const grid = new Grid(size);
    this.#height = Math.max(0, size.rows - FIRST_ROW - 1);
    grid.write(this.#title, { x: 1, y: 0, style: "title-focus" });
    const caret = grid.write(this.#filter, {
      x: grid.write(FILTER_LABEL, { x: 1, y: 1, style: "faint" }),
      y: 1,
    });
    grid.write(" ", { x: caret, y: 1, style: "caret" });
    const top = topRow(this.#list, this.#view);
    const selected = selectedIndex(this.#list, this.#found);
    for (const [line, route] of this.#found.slice(top, top + this.#height).entries()) {
      const isSelected = top + line === selected;
      const y = FIRST_ROW + line;
      const style = isSelected ? "selected" : "text";
      grid.fill({ x: 0, y, width: size.columns, height: 1 }, { style });
      grid.write(`${isSelected ? "▸" : " "} ${route}`, {
        x: 1,
        y,
        style,
        width: Math.max(0, size.columns - 2),
      });
    }
    if (this.#found.length === 0) {
      const text = this.#routes.length === 0
        ? "There is no server that you may reach."
        : "Nothing like that.";
      grid.write(text, { x: 3, y: FIRST_ROW, style: "faint" });
    }
    this.#paintLastLine(grid);
    return grid;
  }

  handle(event: InputEvent): PageRequest | undefined {
    if (event.type === "press") this.#press(event);
    else if (event.type === "wheel") {
      this.#list = scroll(this.#list, this.#view, event.direction === "up" ? -WHEEL_ROWS : WHEEL_ROWS);
    } else if (event.type === "text") this.#type(event.text);
    else if (event.key === "ctrl-l") return { repaint: true };
    else this.#pressKey(event.key);
  }

  get #view() {
    return { keys: this.#found, height: this.#height };
  }

  #paintLastLine(grid: Grid): void {
    const y = grid.rows - 1;
    if (y < FIRST_ROW) return;
    const keys = [
      ["↑↓", "Select"],
      ["Enter", "Connect"],
      this.#filter === "" ? ["q", "Quit"] : ["Esc", "All"],
    ];
    let x = 1;
    for (const [key, label] of keys) {
      x = grid.write(key!, { x, y, style: "strong" });
      x = grid.write(label!, { x: x + 1, y, style: "faint" }) + 3;
    }
    const count = `${this.#found.length} of ${this.#routes.length}`;
    if (x + count.length < grid.columns) {
      grid.write(count, { x: grid.columns - count.length - 1, y, style: "faint" });
    }
  }

  #pressKey(key: string): void {
    if (key === "ctrl-c") this.#isOver = true;
    else if (key === "enter") this.#pick(selectedIndex(this.#list, this.#found));
    else if (key === "escape" || key === "ctrl-u") this.#search("");
    else if (key === "backspace") this.#search([...this.#filter].slice(0, -1).join(""));
    else this.#list = moveByKey(this.#list, this.#view, PICKER_KEYS[key] ?? key) ?? this.#list;
  }

  #type(text: string): void {
    if (text === "q" && this.#filter === "") this.#isOver = true;
    else if (this.#filter.length < MAX_FILTER_CHARACTERS) this.#search(this.#filter + text);
  }

  #press({ y, button }: Extract<InputEvent, { type: "press" }>): void {
    const index = topRow(this.#list, this.#view) + y - FIRST_ROW;
    const isRow = y >= FIRST_ROW && y < FIRST_ROW + this.#height && index < this.#found.length;
    if (button !== "left" || !isRow) return;
    if (index === selectedIndex(this.#list, this.#found)) this.#pick(index);
    else this.#list = select(this.#list, this.#view, index);
  }

  #pick(index: number | null): void {
    const picked = index === null ? undefined : this.#found[index];
    if (picked === undefined) return;
    this.#picked = picked;
    this.#isOver = true;
  }

  #search(filter: string): void {
    this.#filter = filter;
    const wanted = filter.toLowerCase();
    this.#found = this.#routes.filter((route) => route.toLowerCase().includes(wanted));
    this.#list = select({ selected: null, top: 0 }, this.#view, 0);
  }
}

const PICKER_KEYS: Readonly<Record<string, string>> = {
  tab: "down",
  "back-tab": "up",
  "ctrl-n": "down",
  "ctrl-p": "up",
};
