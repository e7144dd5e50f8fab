import {
  type Action,
  type Dialog,
  dialogButtons,
  type DialogSubject,
  type Menu,
  type Overlay,
} from "./_overlay.ts";

/** What a key makes of an overlay: another one or none, or a choice. */
export type OverlayUpdate = { readonly overlay: Overlay | null } | { readonly chosen: Action };

/** Nobody's address is longer. */
const MAX_INPUT_CHARACTERS = 255;
/** An address needs no others. */
const INPUT_CHARACTER = /^[!-~]$/;

/** A key pressed in a menu. */
export function updateMenu(menu: Menu, key: string): OverlayUpdate {
  const { items, selected } = menu;
  if (key === "escape" || key === "q") return { overlay: null };
  if (key === "enter" || key === " ") return { chosen: items[selected]!.action };
  const step = key === "up" || key === "k" || key === "back-tab"
    ? -1
    : key === "down" || key === "j" || key === "tab"
    ? 1
    : 0;
  return { overlay: { ...menu, selected: (selected + step + items.length) % items.length } };
}

/** A key pressed in a dialog. @param options `lastTop`: how far its lines can be scrolled */
export function updateDialog(
  dialog: Dialog,
  { key, lastTop }: { key: string; lastTop: number },
): OverlayUpdate {
  const { subject, focus } = dialog;
  if (key === "escape") return { overlay: null };
  if (subject.is === "edit" && focus === -1) {
    const edited = editInput(subject, key);
    if (edited !== null) return { overlay: { ...dialog, subject: edited } };
    if (key === "enter") return choose(dialog, 0);
  }
  if (key === "enter" || key === " ") return choose(dialog, focus);
  if (key === "q") return { overlay: null };
  if (key === "up" || key === "k") return { overlay: { ...dialog, top: Math.max(0, dialog.top - 1) } };
  if (key === "down" || key === "j") {
    return { overlay: { ...dialog, top: Math.min(lastTop, dialog.top + 1) } };
  }
  const step = key === "tab" || key === "right" ? 1 : key === "back-tab" || key === "left" ? -1 : 0;
  return { overlay: { ...dialog, focus: nextFocus(dialog, step) } };
}

/** Enter does nothing in an input whose dialog has nothing to offer but to close it. */
function choose(dialog: Dialog, focus: number): OverlayUpdate {
  const buttons = dialogButtons(dialog.subject);
  const button = buttons[Math.min(focus, buttons.length - 1)];
  const isRefused = dialog.focus === -1 && button?.action.do === "close";
  return button === undefined || isRefused ? { overlay: dialog } : { chosen: button.action };
}

function nextFocus({ subject, focus }: Dialog, step: number): number {
  const buttons = dialogButtons(subject).length;
  const first = subject.is === "edit" ? -1 : 0;
  const count = buttons - first;
  return (Math.min(focus, buttons - 1) - first + step + count) % count + first;
}

function editInput(
  subject: Extract<DialogSubject, { is: "edit" }>,
  key: string,
): DialogSubject | null {
  const { text, caret } = subject;
  const withText = (before: string, after: string) => ({
    ...subject,
    text: before + after,
    caret: before.length,
  });
  const [before, after] = [text.slice(0, caret), text.slice(caret)];
  if (INPUT_CHARACTER.test(key)) {
    return text.length < MAX_INPUT_CHARACTERS ? withText(before + key, after) : subject;
  }
  if (key === "backspace") return withText(before.slice(0, -1), after);
  if (key === "delete") return withText(before, after.slice(1));
  if (key === "ctrl-u") return withText("", after);
  if (key === "left") return { ...subject, caret: Math.max(0, caret - 1) };
  if (key === "right") return { ...subject, caret: Math.min(text.length, caret + 1) };
  if (key === "home" || key === "ctrl-a") return { ...subject, caret: 0 };
  if (key === "end" || key === "ctrl-e") return { ...subject, caret: text.length };
  return null;
}
