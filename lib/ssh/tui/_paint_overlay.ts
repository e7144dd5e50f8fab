import type { SshLogin } from "../handlers.ts";
import { textWidth } from "./char_width.ts";
import type { Area, Grid } from "./grid.ts";
import {
  type Dialog,
  dialogButtons,
  type DialogLine,
  type DialogSubject,
  dialogView,
  type Menu,
  type MenuItem,
  type Overlay,
} from "./_overlay.ts";
import type { Hit } from "./_screen_state.ts";

const DIALOG_COLUMNS = 70;
/** Frame and one blank on each side. */
const FRAME_COLUMNS = 4;

/** Draws what lies over the page. @returns the last `top` of the dialog that shows something new; 0 when there is none */
export function paintOverlay(
  grid: Grid,
  { hits, overlay, login }: { hits: Hit[]; overlay: Overlay | null; login: SshLogin },
): number {
  if (overlay?.kind === "dialog") return paintDialog(grid, { hits, dialog: overlay, login });
  if (overlay?.kind === "menu") paintMenu(grid, { hits, menu: overlay });
  return 0;
}

function paintMenu(grid: Grid, { hits, menu }: { hits: Hit[]; menu: Menu }): void {
  const width = Math.max(...menu.items.map(({ label }) => textWidth(label))) + FRAME_COLUMNS;
  const height = menu.items.length + 2;
  const x = Math.max(0, Math.min(menu.x, grid.columns - width));
  const y = Math.max(0, Math.min(menu.y, grid.rows - height));
  paintFrame(grid, { x, y, width, height }, { hits, title: "" });
  for (const [index, { label }] of menu.items.entries()) {
    const style = index === menu.selected ? "selected" : "text";
    const row = { x: x + 1, y: y + 1 + index, width: width - 2, height: 1 };
    grid.fill(row, { style });
    grid.write(label, { x: x + 2, y: row.y, style, width: width - FRAME_COLUMNS });
    hits.push({ ...row, target: { on: "item", index } });
  }
}

function paintDialog(
  grid: Grid,
  { hits, dialog, login }: { hits: Hit[]; dialog: Dialog; login: SshLogin },
): number {
  const { subject } = dialog;
  const width = Math.min(DIALOG_COLUMNS, grid.columns - 2);
  const inner = Math.max(10, width - FRAME_COLUMNS);
  const { title, lines } = dialogView(subject, { login, width: inner });
  const height = Math.min(lines.length + 4, Math.max(4, grid.rows - 2));
  const area = {
    x: Math.max(0, Math.floor((grid.columns - width) / 2)),
    y: Math.max(0, Math.floor((grid.rows - height) / 2)),
    width,
    height,
  };
  paintFrame(grid, area, { hits, title });
  const lastDialogTop = Math.max(0, lines.length - (height - 4));
  const top = Math.min(dialog.top, lastDialogTop);
  for (const [index, line] of lines.slice(top, top + height - 4).entries()) {
    paintLine(grid, { line, subject, area, y: area.y + 1 + index, isFocused: dialog.focus === -1 });
  }
  paintButtons(grid, { hits, buttons: dialogButtons(subject), focus: dialog.focus, area });
  return lastDialogTop;
}

function paintLine(
  grid: Grid,
  { line, subject, area, y, isFocused }: {
    line: DialogLine;
    subject: DialogSubject;
    area: Area;
    y: number;
    isFocused: boolean;
  },
): void {
  const x = area.x + 2;
  const width = area.width - FRAME_COLUMNS;
  grid.write(line.text, { x, y, width, style: line.style ?? "text" });
  if (line.hasInput !== true || subject.is !== "edit") return;
  const inputX = x + textWidth(line.text);
  const inputWidth = Math.max(1, x + width - inputX);
  const characters = [...subject.text];
  // The caret stays in sight: what does not fit is left out at the left.
  const first = Math.max(0, subject.caret - inputWidth + 1);
  grid.write(characters.slice(first, first + inputWidth).join(""), {
    x: inputX,
    y,
    width: inputWidth,
    style: "input",
  });
  if (!isFocused) return;
  const caretX = inputX + subject.caret - first;
  grid.write(characters[subject.caret] ?? " ", { x: caretX, y, width: 1, style: "caret" });
}

function paintButtons(
  grid: Grid,
  { hits, buttons, focus, area }: { hits: Hit[]; buttons: readonly MenuItem[]; focus: number; area: Area },
): void {
  const labels = buttons.map(({ label }) => `[ ${label} ]`);
  const width = labels.reduce((sum, label) => sum + label.length + 2, -2);
  const y = area.y + area.height - 2;
  let x = area.x + Math.max(2, area.width - 2 - width);
  for (const [index, label] of labels.entries()) {
    grid.write(label, { x, y, style: index === focus ? "button-focus" : "text" });
    hits.push({ x, y, width: label.length, height: 1, target: { on: "button", index } });
    x += label.length + 2;
  }
}

function paintFrame(grid: Grid, area: Area, { hits, title }: { hits: Hit[]; title: string }): void {
  const { x, y, width, height } = area;
  const style = "rule-focus";
  // Outside of it a click closes it.
  hits.push({ ...area, target: { on: "overlay" } });
  grid.fill(area, { style: "text" });
  grid.write(`┌${"─".repeat(Math.max(0, width - 2))}┐`, { x, y, style });
  for (let line = y + 1; line < y + height - 1; line++) {
    grid.write("│", { x, y: line, style });
    grid.write("│", { x: x + width - 1, y: line, style });
  }
  grid.write(`└${"─".repeat(Math.max(0, width - 2))}┘`, { x, y: y + height - 1, style });
  if (title !== "") {
    grid.write(` ${title} `, {
      x: x + 2,
      y,
      width: Math.min(textWidth(title) + 2, width - 4),
      style: "title-focus",
    });
  }
}
