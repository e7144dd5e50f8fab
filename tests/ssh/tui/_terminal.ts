import type { Terminal } from "../../../lib/ssh/handlers.ts";
import { utf8 } from "../../../lib/base/bytes.ts";
import { Emulator } from "./_emulator.ts";

/** A terminal whose user is the test. */
export class TestTerminal implements Terminal {
  readonly term: string;
  readonly env: Readonly<Record<string, string>>;
  columns: number;
  rows: number;
  screen: Emulator;
  /** Everything that was written, one text for each write. */
  readonly writes: string[] = [];
  /** While set, writes wait: the client does not read. */
  blocked: PromiseWithResolvers<void> | null = null;
  #input: Uint8Array[] = [];
  #isGone = false;
  #reader: PromiseWithResolvers<void> | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(
    { columns = 80, rows = 24, term = "xterm-256color", env = {} }: {
      columns?: number;
      rows?: number;
      term?: string;
      env?: Record<string, string>;
    } = {},
  ) {
    [this.columns, this.rows, this.term, this.env] = [columns, rows, term, env];
    this.screen = new Emulator(columns, rows);
  }

  readonly stream = {
    read: async (into: Uint8Array): Promise<number | null> => {
      while (this.#input.length === 0) {
        if (this.#isGone) return null;
        this.#reader = Promise.withResolvers();
        await this.#reader.promise;
      }
      const chunk = this.#input.shift()!;
      into.set(chunk.subarray(0, into.length));
      if (chunk.length > into.length) this.#input.unshift(chunk.subarray(into.length));
      return Math.min(chunk.length, into.length);
    },
    write: async (bytes: Uint8Array): Promise<void> => {
      const text = new TextDecoder().decode(bytes);
      this.writes.push(text);
      await this.blocked?.promise;
      this.screen.write(text);
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };

  exit(): void {
    throw new Error("the page does not end the channel");
  }

  onResize(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** How many hear of another size. */
  get listeners(): number {
    return this.#listeners.size;
  }

  resize(columns: number, rows: number): void {
    [this.columns, this.rows] = [columns, rows];
    this.screen = new Emulator(columns, rows);
    for (const listener of this.#listeners) listener();
  }

  /** The user types, and the page has taken it. */
  async type(keys: string): Promise<void> {
    this.#input.push(utf8(keys));
    this.#reader?.resolve();
    await settled();
  }

  /** The client is gone. */
  hangUp(): void {
    this.#isGone = true;
    this.#reader?.resolve();
  }
}

/** Lets everything happen that waits for nothing but its turn: there is no I/O here. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

/** What a terminal sends for a click. @param at counted from 1 */
export function click({ x, y }: { x: number; y: number }, button: "left" | "right" = "left"): string {
  const code = button === "left" ? 0 : 2;
  return `\x1b[<${code};${x};${y}M\x1b[<${code};${x};${y}m`;
}
