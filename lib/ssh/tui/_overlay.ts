import type { SshLogin } from "../handlers.ts";
import { wrapText } from "./char_width.ts";
import { forwardArgument } from "./_forward_argument.ts";
import type { Style } from "./theme.ts";

/** What choosing an item or a button does. */
export type Action =
  | { readonly do: "close" }
  | { readonly do: "copy"; readonly text: string; readonly note: string }
  | { readonly do: "edit"; readonly remote: string; readonly local: string }
  | { readonly do: "details" }
  | { readonly do: "ask-sign-out" }
  | { readonly do: "sign-out" }
  | { readonly do: "quit" };

/** Something to choose. */
export interface MenuItem {
  /** A few words. */
  readonly label: string;
  /** What it does. */
  readonly action: Action;
}

/** A menu over the page. */
export interface Menu {
  readonly kind: "menu";
  /** At least one. */
  readonly items: readonly MenuItem[];
  /** Which of them. */
  readonly selected: number;
  /** Where it would like its upper left corner to be. */
  readonly x: number;
  readonly y: number;
}

/** A dialog over the page. */
export interface Dialog {
  readonly kind: "dialog";
  /** What it is about. */
  readonly subject: DialogSubject;
  /** Which button has the focus; -1: the input. */
  readonly focus: number;
  /** The first line that is shown, when it has more than there is room for. */
  readonly top: number;
}

/** What a dialog is about. */
export type DialogSubject =
  | { readonly is: "help" }
  | { readonly is: "details" }
  | { readonly is: "sign-out" }
  /** `caret`: before which character the next one goes. */
  | { readonly is: "edit"; readonly remote: string; readonly text: string; readonly caret: number };

/** What lies over the page and takes all input. */
export type Overlay = Menu | Dialog;

/** A line of a dialog. */
export interface DialogLine {
  /** Fits. */
  readonly text: string;
  /** Default `text`. */
  readonly style?: Style;
  /** The input goes here, after the text. */
  readonly hasInput?: true;
}

/** What a dialog says. */
export interface DialogView {
  /** Of its frame. */
  readonly title: string;
  /** What it says. */
  readonly lines: readonly DialogLine[];
}

const CLOSE: MenuItem = { label: "Close", action: { do: "close" } };

const HELP: readonly (readonly [keys: string, meaning: string])[] = [
  ["1 2 3 4", "show or hide a panel"],
  ["Tab, Shift+Tab", "next panel, panel before"],
  ["↑ ↓  k j", "select a row"],
  ["PgUp PgDn  b f", "a page up, a page down"],
  ["Ctrl+U Ctrl+D", "half a page up, half a page down"],
  ["Home End  g G", "first row, last row"],
  ["Enter", "what can be done with the row"],
  ["Esc", "close, or select nothing"],
  ["q, Ctrl+C", "leave, and end the forwarding"],
];

/** The menu of the user, under their name. */
export const USER_MENU: readonly MenuItem[] = [
  { label: "User Details", action: { do: "details" } },
  { label: "Log Out", action: { do: "ask-sign-out" } },
  { label: "Disconnect", action: { do: "quit" } },
];

/** A dialog as it opens. */
export function dialogOn(subject: DialogSubject): Dialog {
  return { kind: "dialog", subject, focus: subject.is === "edit" ? -1 : 0, top: 0 };
}

/** The buttons of a dialog, from left to right; at least one. */
export function dialogButtons(subject: DialogSubject): readonly MenuItem[] {
  if (subject.is === "sign-out") {
    return [{ label: "Cancel", action: { do: "close" } }, { label: "Log Out", action: { do: "sign-out" } }];
  }
  const argument = subject.is === "edit" ? forwardArgument(subject.remote, subject.text) : null;
  if (argument === null) return [CLOSE];
  return [{ label: "Copy", action: { do: "copy", text: argument, note: "Option copied" } }, CLOSE];
}

/** What a dialog says. @param options `width`: of its lines, in cells */
export function dialogView(
  subject: DialogSubject,
  { login, width }: { login: SshLogin; width: number },
): DialogView {
  if (subject.is === "help") return helpView(width);
  if (subject.is === "details") return detailsView(login, width);
  if (subject.is === "edit") return editView(subject, width);
  const question =
    "This ends your session at the gateway, and with it every connection and forwarding of yours.";
  return {
    title: "Log out?",
    lines: paragraph(question, width),
  };
}

function helpView(width: number): DialogView {
  const about =
    "Your ssh client publishes services through this gateway. Here is who uses them, what each -R has " +
    "asked for, and how your routes are. Right-click a row, or press Enter, for what can be done with it.";
  const keyWidth = 16;
  return {
    title: "Sallyport",
    lines: [
      ...paragraph(about, width),
      { text: "" },
      ...HELP.map(([keys, meaning]) => ({ text: `${keys.padEnd(keyWidth)}${meaning}` })),
    ],
  };
}

function detailsView({ caller, username, ip, keyFingerprint }: SshLogin, width: number): DialogView {
  const { session, sessionExpiresAt } = caller;
  const name = session.claims["name"];
  const expiry = Number.isFinite(sessionExpiresAt) && Math.abs(sessionExpiresAt) < 8.64e15
    ? new Date(sessionExpiresAt).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC")
    : "never";
  const facts: readonly (readonly [string, string])[] = [
    ["Name", typeof name === "string" ? name : ""],
    ["E-mail", session.email],
    ["User ID", session.userId],
    ["Groups", session.groups.slice(0, 32).join(", ")],
    ["Session ID", session.sessionId],
    ["Valid until", expiry],
    ["Login name", username],
    ["Client IP", ip],
    ["Key", keyFingerprint],
  ];
  const labelWidth = 13;
  return {
    title: "User Details",
    lines: facts.filter(([, value]) => value !== "").flatMap(([label, value]) =>
      wrapText(value, Math.max(10, width - labelWidth)).map((line, index) => ({
        text: `${(index === 0 ? label : "").padEnd(labelWidth)}${line}`,
      }))
    ),
  };
}

function editView(
  { remote, text }: Extract<DialogSubject, { readonly is: "edit" }>,
  width: number,
): DialogView {
  const argument = forwardArgument(remote, text);
  const explained =
    "The local address belongs to your ssh client. To change it, start ssh with this, or type it after ~C:";
  const answer = argument === null
    ? paragraph("This needs a host and a port, such as localhost:8080.", width, "warn")
    : wrapText(argument, width).map((line): DialogLine => ({ text: line, style: "strong" }));
  return {
    title: "Edit Local Address",
    lines: [
      { text: `Remote  ${remote}` },
      { text: "Local   ", hasInput: true },
      { text: "" },
      ...paragraph(explained, width),
      { text: "" },
      ...answer,
    ],
  };
}

function paragraph(text: string, width: number, style: Style = "text"): DialogLine[] {
  return wrapText(text, Math.max(2, width)).map((line) => ({ text: line, style }));
}
