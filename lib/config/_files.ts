import { createHash } from "node:crypto";
import { dirname, isAbsolute, join } from "node:path";
import { errorMessage } from "../base/errors.ts";
import { quote } from "./_quote.ts";
import type { Report } from "./_report.ts";
import type { Path } from "./_yaml_tree.ts";

/** Characters in a certificate file, a key file or a secret file. */
const MAX_FILE_LENGTH = 1024 * 1024;

/** What a {@link FileReader} needs. */
export interface FileReaderOptions {
  /** The configuration file: the others are looked for in its folder. */
  readonly file: string;
  /** Reads a file as UTF-8. */
  readonly readTextFile: (path: string) => Promise<string>;
  readonly report: Report;
}

/** Reads the files that a configuration names, and reports those that cannot be read. */
export class FileReader {
  readonly #options: FileReaderOptions;

  constructor(options: FileReaderOptions) {
    this.#options = options;
  }

  /** Where the file `name` is. */
  pathOf(name: string): string {
    return isAbsolute(name) ? name : join(dirname(this.#options.file), name);
  }

  /** The text of the file `name`, which stands at `path`; `null` when an error was reported. */
  async text(name: string, path: Path): Promise<string | null> {
    const { file, readTextFile, report } = this.#options;
    const folder = dirname(file);
    let reason: string;
    try {
      const text = await readTextFile(this.pathOf(name));
      if (text.length <= MAX_FILE_LENGTH) return text;
      reason = "it is longer than 1 MiB";
    } catch (error) {
      reason = readFailure(error);
    }
    report.error("config/file-unreadable", {
      message: `Cannot read the file ${quote(name)}: ${reason}`,
      hint: isAbsolute(name) ? undefined : `a name without a leading slash starts in the folder ${folder}`,
      path,
    });
    return null;
  }
}

/** Reads files, and keeps which ones and a digest of what they held. Reads of one record must not overlap. */
export class ReadRecord {
  readonly #readTextFile: (path: string) => Promise<string>;
  readonly #files = new Set<string>();
  readonly #hash = createHash("sha256");

  constructor(readTextFile: (path: string) => Promise<string>) {
    this.#readTextFile = readTextFile;
  }

  /** The files that were asked for, in that order, those that could not be read too. */
  get files(): readonly string[] {
    return Object.freeze([...this.#files]);
  }

  /** SHA-256 over all of it so far, in hexadecimal: of one file alone, what its bytes come to. */
  get digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** The text of a file. @throws what reading it throws */
  async read(path: string): Promise<string> {
    const isFirst = this.#files.size === 0;
    this.#files.add(path);
    let text: string | null = null;
    try {
      return text = await this.#readTextFile(path);
    } finally {
      // With its length before it, no text of one file can look like those of two.
      if (text === null || !isFirst) this.#hash.update(`\0${text?.length ?? "-"}\0`);
      this.#hash.update(text ?? "");
    }
  }
}

/** Why a file could not be read. */
export function readFailure(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  const code = error instanceof Error && "code" in error ? error.code : "";
  return name === "NotFound" || code === "ENOENT" ? "it does not exist" : errorMessage(error);
}
