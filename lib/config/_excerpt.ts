/** How much of a long line is shown on either side of the caret, in UTF-16 code units. */
const CONTEXT = 60;
/** How much of a long line is looked at for secrets on either side of the caret. */
const REACH = 4096;
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

// The value of a key that is named like a secret, the user information of a URL, and what looks like a key in base64.
const SECRETS = [
  /(?<=(?:secret|password|token|authorization|_key|basic_auth|_headers|connection_string)["']?\s*:\s*)\S.*/i,
  /(?<=:\/\/)[^\s/@]*(?=@)/g,
  /[A-Za-z0-9+/_-]{40,}={0,2}/g,
];

/**
 * A line of the configuration file and, below it, a caret under the character at `offset`, for a terminal. Long lines
 * are cut, secrets are masked.
 *
 * @param line without line end; @param options `offset`: in UTF-16 code units from the start of the line;
 * `end`: what follows it is not shown
 */
export function excerptOf(line: string, options: { offset: number; end: number }): string {
  const from = Math.max(0, options.offset - CONTEXT);
  const to = Math.min(options.end, options.offset + CONTEXT);
  const near = Math.max(0, options.offset - REACH);
  // Masked before it is cut: a cut could take away what shows that something is a secret.
  const shown = masked(line.slice(near, options.offset + REACH)).slice(from - near, to - near).replace(
    /[^\P{Cc}\t]|\p{Surrogate}/gu,
    "\ufffd",
  );
  const head = from > 0 ? "… " : "";
  const tail = to < line.trimEnd().length ? " …" : "";
  const padding = [...graphemes.segment(head + shown.slice(0, options.offset - from))]
    .map(({ segment }) => (segment === "\t" ? "\t" : " ".repeat(columnsOf(segment)))).join("");
  return `${head}${shown.trimEnd()}${tail}\n${padding}^`;
}

function masked(line: string): string {
  return SECRETS.reduce(
    (text, secret) => text.replace(secret, (found) => "*".repeat(found.length)),
    line,
  );
}

function columnsOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}
