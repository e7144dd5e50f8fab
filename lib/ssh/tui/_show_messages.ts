import { abortable } from "../../base/abortable.ts";
import { utf8 } from "../../base/bytes.ts";
import type { Terminal, TunnelMessage, TunnelModel } from "../handlers.ts";
import { glyphsOf } from "./char_width.ts";
import { timeOfDay } from "./_units.ts";

const INPUT_BYTES = 64;
const LEAVING: readonly number[] = ["q", "\x03"].map((key) => key.charCodeAt(0));

/**
 * What the page is on a terminal that can only show line after line: its messages, as they come. Ends with `q` or Ctrl-C, when
 * the client is gone, or by `signal`. Never rejects.
 */
export async function showMessages(
  terminal: Terminal,
  { model, signal }: { model: TunnelModel; signal?: AbortSignal | undefined },
): Promise<void> {
  const end = new AbortController();
  let last: TunnelMessage | undefined;
  let isWriting = false;
  const writeNew = async () => {
    if (isWriting) return;
    isWriting = true;
    while (model.messages.at(-1) !== last) {
      const fresh = model.messages.slice(model.messages.lastIndexOf(last!) + 1);
      last = model.messages.at(-1);
      await terminal.stream.write(utf8(fresh.map(lineOf).join("")));
    }
    isWriting = false;
  };
  const write = () => void writeNew().catch((error) => end.abort(error));
  using _changes = model.onChange(write);
  write();
  try {
    await readToLeave(terminal, signal === undefined ? end.signal : AbortSignal.any([signal, end.signal]));
  } catch {
    // The client is gone, or somebody has ended it: both are just the end.
  }
}

async function readToLeave(terminal: Terminal, signal: AbortSignal): Promise<void> {
  const into = new Uint8Array(INPUT_BYTES);
  while (true) {
    signal.throwIfAborted();
    const count = await abortable(terminal.stream.read(into), signal);
    if (count === null || into.subarray(0, count).some((byte) => LEAVING.includes(byte))) return;
  }
}

function lineOf({ at, level, text }: TunnelMessage): string {
  return `${timeOfDay(at)} ${level} ${[...glyphsOf(text)].map((glyph) => glyph.text).join("")}\r\n`;
}
