/** The longest password that can be typed, in bytes. */
const MAX_BYTES = 1024;
const [END_OF_TEXT, END_OF_TRANSMISSION, BACKSPACE, NEWLINE, RETURN, NEGATIVE, DELETE] = [
  3,
  4,
  8,
  10,
  13,
  21,
  127,
];

/** What a person types into a terminal that neither shows it nor edits it. */
export class PasswordLine {
  #bytes: number[] = [];

  /**
   * Takes the next bytes; those after the end of the line are not looked at.
   *
   * @returns the line once it has ended, `null` while it goes on; `"interrupted"` after Ctrl-C, or Ctrl-D on an empty line
   */
  push(chunk: Uint8Array): { readonly text: string } | "interrupted" | null {
    for (const byte of chunk) {
      if (byte === NEWLINE || byte === RETURN) return this.#line();
      if (byte === END_OF_TEXT) return "interrupted";
      if (byte === END_OF_TRANSMISSION) return this.#bytes.length === 0 ? "interrupted" : this.#line();
      if (byte === NEGATIVE) this.#bytes = [];
      else if (byte === BACKSPACE || byte === DELETE) this.#erase();
      else if (this.#bytes.length < MAX_BYTES) this.#bytes.push(byte);
    }
    return null;
  }

  #line(): { text: string } {
    return { text: new TextDecoder().decode(Uint8Array.from(this.#bytes)) };
  }

  /** One character, however many bytes of UTF-8 it has. */
  #erase(): void {
    let last = this.#bytes.pop();
    while (last !== undefined && (last & 0xc0) === 0x80) last = this.#bytes.pop();
  }
}
