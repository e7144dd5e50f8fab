import type { SshLogin } from "../handlers.ts";
import { localAddressOf } from "./_forward_argument.ts";
import type { InputEvent } from "./input_parser.ts";
import { type ListState, moveByKey, scroll, select, selectedIndex } from "./list_state.ts";
import { type Action, dialogButtons, dialogOn, type Menu, USER_MENU } from "./_overlay.ts";
import { PANEL_IDS, type PanelId } from "./_panels.ts";
import { type Focus, type ScreenFrame, type ScreenState, type Target, targetAt } from "./_screen_state.ts";
import type { PageRequest } from "./show_page.ts";
import { updateDialog, updateMenu } from "./_update_overlay.ts";

/** What the user sees, and when. */
export interface UpdateContext {
  readonly frame: ScreenFrame;
  readonly login: SshLogin;
  /** Milliseconds on the clock that never goes back. */
  readonly atMs: number;
}

/** What input leads to. */
export interface Update {
  readonly state: ScreenState;
  readonly request?: PageRequest;
}

const NOTICE_MS = 3000;
const WHEEL_ROWS = 3;

/** What the page is after this input. */
export function updateScreen(state: ScreenState, event: InputEvent, context: UpdateContext): Update {
  if (event.type === "press") return press(state, event, context);
  if (event.type === "wheel") return { state: wheel(state, event, context) };
  const key = event.type === "key" ? event.key : event.text;
  if (key === "ctrl-c") return act(state, { do: "quit" }, context);
  if (key === "ctrl-l") return { state, request: { repaint: true } };
  return pressKey(state, key, context);
}

function pressKey(state: ScreenState, key: string, context: UpdateContext): Update {
  const { overlay } = state;
  if (overlay === null) return pageKey(state, key, context);
  const next = overlay.kind === "menu"
    ? updateMenu(overlay, key)
    : updateDialog(overlay, { key, lastTop: context.frame.lastDialogTop });
  if ("chosen" in next) return act({ ...state, overlay: null }, next.chosen, context);
  return { state: { ...state, overlay: next.overlay } };
}

function pageKey(state: ScreenState, key: string, context: UpdateContext): Update {
  if (key === "q") return act(state, { do: "quit" }, context);
  if (key === "m") return { state: { ...state, overlay: dialogOn({ is: "help" }) } };
  if (/^[1-4]$/.test(key)) return { state: toggle(state, Number(key) as PanelId) };
  if (key === "tab") return { state: moveFocus(state, 1) };
  if (key === "back-tab") return { state: moveFocus(state, -1) };
  const { focus } = state;
  if (focus === "user") return { state: key === "enter" ? openUserMenu(state, context.frame) : state };
  if (key === "escape") return { state: withList(state, focus, unselected(state.lists[focus], focus)) };
  if (key === "enter") return { state: openRowMenu(state, focus, context.frame) };
  const moved = moveByKey(state.lists[focus], context.frame.lists[focus], key);
  return { state: moved === null ? state : withList(state, focus, moved) };
}

/** Panels that grow at their end follow it again. */
function unselected(list: ListState, panel: PanelId): ListState {
  return { selected: null, top: panel === 1 || panel === 4 ? "end" : list.top };
}

function toggle(state: ScreenState, panel: PanelId): ScreenState {
  if (!state.shown.includes(panel)) {
    const shown = PANEL_IDS.filter((id) => id === panel || state.shown.includes(id));
    return { ...state, shown, focus: panel };
  }
  const shown = state.shown.filter((id) => id !== panel);
  if (state.focus !== panel) return { ...state, shown };
  return { ...state, shown, focus: shown.find((id) => id > panel) ?? shown.at(-1) ?? "user" };
}

function moveFocus(state: ScreenState, by: 1 | -1): ScreenState {
  const ring: readonly Focus[] = [...state.shown, "user"];
  const next = (ring.indexOf(state.focus) + by + ring.length) % ring.length;
  return { ...state, focus: ring[next]! };
}

function withList(state: ScreenState, panel: PanelId, list: ListState): ScreenState {
  return { ...state, lists: { ...state.lists, [panel]: list } };
}

function press(
  state: ScreenState,
  event: Extract<InputEvent, { type: "press" }>,
  context: UpdateContext,
): Update {
  const target = targetAt(context.frame, event);
  if (event.button === "middle") return { state };
  if (state.overlay !== null) return pressOverlay(state, target, context);
  if (target?.on === "session") {
    const text = context.login.caller.session.sessionId;
    return act(state, { do: "copy", text, note: "Session ID copied" }, context);
  }
  if (target?.on === "user") return { state: openUserMenu({ ...state, focus: "user" }, context.frame) };
  if (target?.on === "key") return pressKey(state, target.key, context);
  if (target?.on === "panel") return { state: { ...state, focus: target.panel } };
  if (target?.on === "row") return { state: pressRow(state, { target, event, frame: context.frame }) };
  return { state };
}

function pressOverlay(state: ScreenState, target: Target | null, context: UpdateContext): Update {
  const { overlay } = state;
  const choices = overlay?.kind === "menu" && target?.on === "item"
    ? overlay.items
    : overlay?.kind === "dialog" && target?.on === "button"
    ? dialogButtons(overlay.subject)
    : [];
  const chosen = target !== null && "index" in target ? choices[target.index] : undefined;
  if (chosen !== undefined) return act({ ...state, overlay: null }, chosen.action, context);
  if (target?.on === "item" || target?.on === "button") return { state };
  return { state: target?.on === "overlay" ? state : { ...state, overlay: null } };
}

function pressRow(
  state: ScreenState,
  { target, event, frame }: {
    target: Extract<Target, { on: "row" }>;
    event: Extract<InputEvent, { type: "press" }>;
    frame: ScreenFrame;
  },
): ScreenState {
  const { panel, index } = target;
  const list = select(state.lists[panel], frame.lists[panel], index);
  const selected = withList({ ...state, focus: panel }, panel, list);
  const items = event.button === "right" ? frame.menuOf(panel, index) : [];
  return items.length === 0
    ? selected
    : { ...selected, overlay: menuAt(items, { x: event.x, y: event.y + 1 }) };
}

function wheel(
  state: ScreenState,
  event: Extract<InputEvent, { type: "wheel" }>,
  { frame }: UpdateContext,
): ScreenState {
  const rows = event.direction === "up" ? -WHEEL_ROWS : WHEEL_ROWS;
  const { overlay } = state;
  if (overlay !== null) {
    if (overlay.kind === "menu") return state;
    const top = Math.max(0, Math.min(overlay.top + rows, frame.lastDialogTop));
    return { ...state, overlay: { ...overlay, top } };
  }
  const target = targetAt(frame, event);
  if (target?.on !== "row" && target?.on !== "panel") return state;
  return withList(state, target.panel, scroll(state.lists[target.panel], frame.lists[target.panel], rows));
}

function menuAt(items: Menu["items"], { x, y }: { x: number; y: number }): Menu {
  return { kind: "menu", items, selected: 0, x, y };
}

function openUserMenu(state: ScreenState, frame: ScreenFrame): ScreenState {
  const at = frame.hits.find(({ target }) => target.on === "user");
  return { ...state, overlay: menuAt(USER_MENU, { x: at?.x ?? 0, y: 1 }) };
}

function openRowMenu(state: ScreenState, panel: PanelId, frame: ScreenFrame): ScreenState {
  const index = selectedIndex(state.lists[panel], frame.lists[panel].keys);
  const items = index === null ? [] : frame.menuOf(panel, index);
  if (items.length === 0) return state;
  const hit =
    frame.hits.find(({ target }) =>
      target.on === "row" && target.panel === panel && target.index === index
    ) ??
      frame.hits.find(({ target }) => target.on === "panel" && target.panel === panel);
  return { ...state, overlay: menuAt(items, { x: (hit?.x ?? 0) + 2, y: (hit?.y ?? 0) + 1 }) };
}

function act(state: ScreenState, action: Action, { atMs }: UpdateContext): Update {
  switch (action.do) {
    case "close":
      return { state };
    case "copy":
      return {
        state: { ...state, notice: { text: action.note, until: atMs + NOTICE_MS } },
        request: { copy: action.text },
      };
    case "edit": {
      const text = localAddressOf(action.local);
      const subject = { is: "edit", remote: action.remote, text, caret: text.length } as const;
      return { state: { ...state, overlay: dialogOn(subject) } };
    }
    case "details":
      return { state: { ...state, overlay: dialogOn({ is: "details" }) } };
    case "ask-sign-out":
      return { state: { ...state, overlay: dialogOn({ is: "sign-out" }) } };
    case "sign-out":
    case "quit":
      return { state: { ...state, outcome: action.do } };
  }
}
