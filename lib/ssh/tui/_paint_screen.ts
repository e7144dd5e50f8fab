import type { SshLogin, TunnelModel } from "../handlers.ts";
import { textWidth } from "./char_width.ts";
import { type Area, Grid, type Size } from "./grid.ts";
import { layoutPanels } from "./_layout.ts";
import { type ListView, selectedIndex, topRow } from "./list_state.ts";
import { paintOverlay } from "./_paint_overlay.ts";
import { type Panel, type PanelId, panelOf } from "./_panels.ts";
import type { Hit, ScreenFrame, ScreenState } from "./_screen_state.ts";
import { columnWidths, writeRow } from "./table.ts";

/** What the page shows. */
export interface ScreenContent {
  readonly model: TunnelModel;
  readonly login: SshLogin;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: number;
}

const PRODUCT = "Sallyport";
/** The name with a blank before and two after. */
const PRODUCT_COLUMNS = PRODUCT.length + 3;
/** As much of an id as tells one from another. */
const SHORT_ID_COLUMNS = 9;
const GAP_COLUMNS = 2;
/** Below this, what stands in the rows could not be told apart any more. */
const NARROW_COLUMNS = 100;
const FOOTER: readonly (readonly [key: string, label: string])[] = [
  ["q", "Quit"],
  ["tab", "Next"],
  ["1-4", "Panels"],
  ["enter", "Menu"],
  ["m", "Help"],
];
const KEY_NAMES: Readonly<Record<string, string>> = { tab: "Tab", enter: "Enter" };

/** Draws the page. */
export function paintScreen(
  size: Size,
  { state, content }: { state: ScreenState; content: ScreenContent },
): ScreenFrame {
  const grid = new Grid(size);
  const hits: Hit[] = [];
  paintHeader(grid, { hits, login: content.login, isFocused: state.focus === "user" });
  const { lists, panels } = paintPanels(grid, { hits, state, content });
  paintFooter(grid, { hits, notice: state.notice?.text ?? null });
  const lastDialogTop = paintOverlay(grid, {
    hits,
    overlay: state.overlay,
    login: content.login,
  });
  const menuOf = (panel: PanelId, index: number) => panels[panel].rows[index]?.menu ?? [];
  return { grid, hits, lists, menuOf, lastDialogTop };
}

function paintHeader(
  grid: Grid,
  { hits, login, isFocused }: { hits: Hit[]; login: SshLogin; isFocused: boolean },
): void {
  const { columns } = grid;
  const { session } = login.caller;
  grid.fill({ x: 0, y: 0, width: columns, height: 1 }, { style: "bar" });
  grid.write(PRODUCT, { x: 1, y: 0, style: "bar-strong" });
  const who = session.email === "" ? session.userId : session.email;
  const whoWidth = Math.min(textWidth(who), Math.max(6, columns - PRODUCT_COLUMNS - SHORT_ID_COLUMNS - 8));
  const userX = Math.max(PRODUCT_COLUMNS, columns - whoWidth - 4);
  const user = { x: userX, y: 0, width: columns - userX, height: 1 };
  const style = isFocused ? "bar-focus" : "bar-strong";
  grid.fill(user, { style });
  const whoEnd = grid.write(who, { x: userX + 1, y: 0, width: whoWidth, style });
  grid.write(" ▾", { x: whoEnd, y: 0, style });
  hits.push({ ...user, target: { on: "user" } });

  paintSession(grid, { hits, login, end: userX - 2 });
}

/** The session id gives way to the address; it is copied in full all the same. */
function paintSession(grid: Grid, { hits, login, end }: { hits: Hit[]; login: SshLogin; end: number }): void {
  const { sessionId } = login.caller.session;
  const x = PRODUCT_COLUMNS;
  const label = end - x >= 30 ? "Session " : "";
  const room = end - x - label.length;
  const besideIp = room - textWidth(login.ip) - 3;
  const hasIp = besideIp >= Math.min(SHORT_ID_COLUMNS, textWidth(sessionId));
  const idWidth = Math.min(textWidth(sessionId), hasIp ? besideIp : room);
  if (idWidth <= 0) return;
  const idX = grid.write(label, { x, y: 0, style: "bar" });
  const idEnd = grid.write(sessionId, { x: idX, y: 0, width: idWidth, style: "bar" });
  hits.push({ x, y: 0, width: idEnd - x, height: 1, target: { on: "session" } });
  if (hasIp) grid.write(login.ip, { x: idEnd + 3, y: 0, style: "bar" });
}

function paintPanels(
  grid: Grid,
  { hits, state, content }: { hits: Hit[]; state: ScreenState; content: ScreenContent },
): { lists: Record<PanelId, ListView>; panels: Record<PanelId, Panel> } {
  const { model, now } = content;
  const areas = layoutPanels(grid, {
    shown: state.shown,
    focus: state.focus === "user" ? null : state.focus,
    rowCounts: { 1: 0, 2: model.requests.length, 3: model.routes.length, 4: 0 },
  });
  const paint = (id: PanelId): [Panel, ListView] => {
    const area = areas.get(id);
    const panel = panelOf(id, { model, now, width: (area?.width ?? grid.columns) - 2 });
    const list = {
      keys: panel.rows.map(({ key }) => key),
      height: area === undefined ? 0 : rowsIn(panel, area),
    };
    if (area !== undefined) paintPanel(grid, { id, panel, list, area, hits, state });
    return [panel, list];
  };
  const painted = { 1: paint(1), 2: paint(2), 3: paint(3), 4: paint(4) };
  if (areas.size === 0) grid.write("Press 1, 2, 3 or 4 to show a panel.", { x: 1, y: 2, style: "faint" });
  return {
    panels: { 1: painted[1][0], 2: painted[2][0], 3: painted[3][0], 4: painted[4][0] },
    lists: { 1: painted[1][1], 2: painted[2][1], 3: painted[3][1], 4: painted[4][1] },
  };
}

function hasHeadings(panel: Panel): boolean {
  return panel.columns.some(({ heading }) => heading !== "");
}

function rowsIn(panel: Panel, { height }: Area): number {
  return Math.max(0, height - 1 - (hasHeadings(panel) ? 1 : 0));
}

function paintPanel(
  grid: Grid,
  { id, panel, list, area, hits, state }: {
    id: PanelId;
    panel: Panel;
    list: ListView;
    area: Area;
    hits: Hit[];
    state: ScreenState;
  },
): void {
  const isFocused = state.focus === id;
  const top = topRow(state.lists[id], list);
  const note = list.keys.length > list.height && list.height > 0
    ? `${top + 1}–${Math.min(top + list.height, list.keys.length)} of ${list.keys.length}`
    : panel.note;
  paintTitle(grid, { area, title: `${id} ${panel.title}`, note, isFocused });
  hits.push({ ...area, target: { on: "panel", panel: id } });
  const x = area.x + 1;
  const width = area.width - 2;
  const gap = grid.columns < NARROW_COLUMNS ? 1 : GAP_COLUMNS;
  const { columns } = panel;
  const widths = columnWidths(columns, { width, gap });
  const hasHeading = hasHeadings(panel);
  if (hasHeading && area.height > 1) {
    const cells = columns.map(({ heading }) => ({ text: heading, style: "faint" }) as const);
    writeRow(grid, { cells, columns, widths, gap, x, y: area.y + 1, width });
  }
  const firstY = area.y + 1 + (hasHeading ? 1 : 0);
  if (list.height > 0 && panel.rows.length === 0) {
    grid.write(panel.empty, { x, y: firstY, width, style: "faint" });
  }
  const selected = selectedIndex(state.lists[id], list.keys);
  for (const [line, row] of panel.rows.slice(top, top + list.height).entries()) {
    const index = top + line;
    const only = index === selected ? isFocused ? "selected" : "strong" : undefined;
    const y = firstY + line;
    if (only === "selected") grid.fill({ x: area.x, y, width: area.width, height: 1 }, { style: only });
    writeRow(grid, { cells: row.cells(), columns, widths, gap, x, y, width, only });
    hits.push({ x: area.x, y, width: area.width, height: 1, target: { on: "row", panel: id, index } });
  }
}

function paintTitle(
  grid: Grid,
  { area, title, note, isFocused }: { area: Area; title: string; note: string; isFocused: boolean },
): void {
  const { x, y, width } = area;
  const style = isFocused ? "rule-focus" : "rule";
  grid.fill({ x, y, width, height: 1 }, { style, character: isFocused ? "━" : "─" });
  const shown = ` ${title} `;
  grid.write(shown, {
    x: x + 1,
    y,
    width: Math.min(textWidth(shown), Math.max(0, width - 2)),
    style: isFocused ? "title-focus" : "text",
  });
  const noteWidth = textWidth(note) + 2;
  if (note !== "" && noteWidth + textWidth(shown) + 3 <= width) {
    grid.write(` ${note} `, { x: x + width - noteWidth - 1, y, style: "faint" });
  }
}

function paintFooter(grid: Grid, { hits, notice }: { hits: Hit[]; notice: string | null }): void {
  const y = grid.rows - 1;
  if (y < 1) return;
  grid.fill({ x: 0, y, width: grid.columns, height: 1 }, { style: "text" });
  if (notice !== null) return void grid.write(notice, { x: 1, y, style: "good" });
  let x = 1;
  for (const [key, label] of FOOTER) {
    const name = KEY_NAMES[key] ?? key;
    if (x + name.length + 1 + label.length >= grid.columns) break;
    const start = x;
    x = grid.write(name, { x, y, style: "strong" });
    x = grid.write(label, { x: x + 1, y, style: "faint" });
    if (key !== "1-4") hits.push({ x: start, y, width: x - start, height: 1, target: { on: "key", key } });
    x += 3;
  }
}
