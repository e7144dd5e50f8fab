/** A key that writes nothing. */
export type Key =
  | "up"
  | "down"
  | "left"
  | "right"
  | "home"
  | "end"
  | "page-up"
  | "page-down"
  | "delete"
  | "enter"
  | "tab"
  | "back-tab"
  | "backspace"
  | "escape"
  | `ctrl-${string}`;

/** What somebody did at a terminal. Cells count from 0. */
export type InputEvent =
  | { readonly type: "key"; readonly key: Key }
  /** One character that can be shown. */
  | { readonly type: "text"; readonly text: string }
  | {
    readonly type: "press";
    readonly button: "left" | "middle" | "right";
    readonly x: number;
    readonly y: number;
  }
  | { readonly type: "wheel"; readonly direction: "up" | "down"; readonly x: number; readonly y: number };

const ESCAPE = "\x1b";
/** Control sequence after ESC (ECMA-48 section 5.4): parameters, intermediate bytes, final byte. */
const CONTROL_SEQUENCE = /^\[([\x30-\x3f]{0,32})[\x20-\x2f]{0,4}([\x40-\x7e])/;
/** What may become one, or a key in the form of SS3. */
const BEGUN = /^(?:\[[\x30-\x3f]{0,32}[\x20-\x2f]{0,4}|O)?$/;
const SINGLE_SHIFT = /^O([\x40-\x7e])/;
/** Mouse reports of terminals that do not know the mode that was asked for: three characters follow. */
const OLD_MOUSE = /^\[M[^]{3}/;
const OLD_MOUSE_BEGUN = /^\[M[^]{0,2}$/;
/** More than any sequence has. */
const MAX_SEQUENCE = 48;

const BY_FINAL: Readonly<Record<string, Key>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  M: "enter",
  Z: "back-tab",
};
const BY_NUMBER: Readonly<Record<string, Key>> = {
  "1": "home",
  "3": "delete",
  "4": "end",
  "5": "page-up",
  "6": "page-down",
  "7": "home",
  "8": "end",
};
const BY_CONTROL: Readonly<Record<string, Key>> = {
  "\t": "tab",
  "\r": "enter",
  "\n": "enter",
  "\b": "backspace",
  "\x7f": "backspace",
};
const BUTTONS = ["left", "middle", "right"] as const;

/** Reads what a terminal sends: UTF-8, keys as xterm names them, and the mouse in SGR form (mode 1006). Any bytes will do. */
export class InputParser {
  readonly #decoder = new TextDecoder();
  /** The beginning of a sequence. */
  #held = "";

  /** Whether it waits for the rest of a sequence, which may be the Escape key alone. */
  get isWaiting(): boolean {
    return this.#held !== "";
  }

  /** The events that are complete with these bytes. What is not yet is kept: at most 48 characters. */
  feed(bytes: Uint8Array): InputEvent[] {
    return this.#read(this.#held + this.#decoder.decode(bytes, { stream: true }));
  }

  /** Nothing has followed for a while: what was kept is the Escape key, and characters. */
  flush(): InputEvent[] {
    const [escape, ...rest] = this.#held;
    this.#held = "";
    return escape === undefined ? [] : [key("escape"), ...rest.flatMap(characterEvent)];
  }

  #read(input: string): InputEvent[] {
    const events: InputEvent[] = [];
    this.#held = "";
    let at = 0;
    while (at < input.length) {
      if (input[at] !== ESCAPE) {
        const character = String.fromCodePoint(input.codePointAt(at)!);
        events.push(...characterEvent(character));
        at += character.length;
        continue;
      }
      const rest = input.slice(at + 1, at + MAX_SEQUENCE);
      if (BEGUN.test(rest) || OLD_MOUSE_BEGUN.test(rest)) {
        this.#held = ESCAPE + rest;
        break;
      }
      const { length, found } = sequenceIn(rest);
      events.push(...found);
      at += 1 + length;
    }
    return events;
  }
}

/** What follows ESC. */
function sequenceIn(rest: string): { length: number; found: InputEvent[] } {
  const oldMouse = OLD_MOUSE.exec(rest);
  if (oldMouse !== null) return { length: oldMouse[0].length, found: [] };
  const control = CONTROL_SEQUENCE.exec(rest);
  if (control !== null) return { length: control[0].length, found: controlEvent(control[1]!, control[2]!) };
  const shifted = SINGLE_SHIFT.exec(rest);
  if (shifted !== null) return { length: shifted[0].length, found: named(BY_FINAL[shifted[1]!]) };
  return { length: 0, found: [key("escape")] };
}

function controlEvent(parameters: string, final: string): InputEvent[] {
  if (parameters.startsWith("<")) return mouseEvent(parameters.slice(1), final);
  if (final === "~") return named(BY_NUMBER[parameters.split(";")[0]!]);
  return final === "M" ? [] : named(BY_FINAL[final]);
}

function mouseEvent(parameters: string, final: string): InputEvent[] {
  const numbers = /^(\d{1,3});(\d{1,5});(\d{1,5})$/.exec(parameters)?.slice(1).map(Number);
  if (numbers === undefined || final !== "M") return [];
  const [code, column, row] = numbers as [number, number, number];
  const place = { x: column - 1, y: row - 1 };
  const isMotion = (code & 32) !== 0;
  if (isMotion || place.x < 0 || place.y < 0) return [];
  if (code >= 64) {
    if ((code & 0b1100_0010) !== 64) return [];
    return [{ type: "wheel", direction: (code & 1) === 0 ? "up" : "down", ...place }];
  }
  const button = BUTTONS[code & 3];
  return button === undefined ? [] : [{ type: "press", button, ...place }];
}

function characterEvent(character: string): InputEvent[] {
  const control = BY_CONTROL[character];
  if (control !== undefined) return [key(control)];
  const code = character.codePointAt(0)!;
  if (code >= 1 && code <= 26) return [key(`ctrl-${String.fromCharCode(96 + code)}`)];
  return code < 32 || code >= 128 && code < 160 ? [] : [{ type: "text", text: character }];
}

function key(name: Key): InputEvent {
  return { type: "key", key: name };
}

function named(name: Key | undefined): InputEvent[] {
  return name === undefined ? [] : [key(name)];
}
