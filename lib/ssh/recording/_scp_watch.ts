/** The longest line of the protocol: a name of 4096 bytes, and what belongs to it. */
const MAX_LINE_BYTES = 8192;
const MAX_DEPTH = 256;
const NEWLINE = 0x0a;

/** Fields of a recorded event. */
type ScpFields = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Which way the files go that a command of the old protocol of `scp` copies; `null` when it is another command. */
export function scpDirection(command: string): "upload" | "download" | null {
  const [program, ...words] = command.trim().split(/\s+/);
  if (program === undefined || !/^(?:\S*\/)?scp$/.test(program)) return null;
  const end = words.findIndex((word) => !/^-[a-zA-Z0-9]/.test(word));
  const letters = words.slice(0, end < 0 ? words.length : end).join("");
  if (letters.includes("t")) return "upload";
  return letters.includes("f") ? "download" : null;
}

/** Looks on at what the sender of the old protocol of `scp` sends, and tells names and sizes of files. */
export class ScpWatch {
  readonly #event: "upload" | "download";
  readonly #onEvent: (fields: ScpFields) => void;
  #line: number[] = [];
  #folders: string[] = [];
  #file: { readonly path: string; readonly size: number } | null = null;
  #left = 0;
  #isBroken = false;

  /** Nothing was seen yet. @param event which way the files go; @param onEvent given what is to be recorded */
  constructor(event: "upload" | "download", onEvent: (fields: ScpFields) => void) {
    this.#event = event;
    this.#onEvent = onEvent;
  }

  /** What the sender sent. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#isBroken;) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#tellFile();
      } else {
        this.#take(bytes[at++]!);
      }
    }
  }

  /** Tells of a file that was under way. */
  end(): void {
    if (this.#file !== null) this.#tellFile();
  }

  #take(byte: number): void {
    // A zero alone is an answer, or what follows a file.
    if (byte === 0 && this.#line.length === 0) return;
    if (byte === NEWLINE) {
      const line = new TextDecoder().decode(new Uint8Array(this.#line));
      this.#line = [];
      this.#read(line);
    } else if (this.#line.push(byte) > MAX_LINE_BYTES) {
      this.#break();
    }
  }

  #read(line: string): void {
    const [, kind, size, name] = /^([CD])[0-7]{4,6} (\d{1,15}) (.+)$/s.exec(line) ?? [];
    if (kind === "C") {
      this.#file = { path: [...this.#folders, name!].join("/"), size: Number(size) };
      this.#left = Number(size);
      if (this.#left === 0) this.#tellFile();
    } else if (kind === "D" && this.#folders.length < MAX_DEPTH) {
      this.#folders.push(name!);
    } else if (line === "E") {
      this.#folders.pop();
    } else if (!/^T[\d ]+$/.test(line) && !line.startsWith("\x01") && !line.startsWith("\x02")) {
      this.#break();
    }
  }

  #tellFile(): void {
    const { path, size } = this.#file!;
    const bytes = size - this.#left;
    this.#file = null;
    this.#left = 0;
    this.#onEvent({ event: this.#event, path, size, bytes });
  }

  #break(): void {
    this.#isBroken = true;
    this.#line = [];
    this.#onEvent({ event: "unreadable", from: this.#event === "upload" ? "client" : "server" });
  }
}
