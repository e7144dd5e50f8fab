import { errorMessage } from "../base/errors.ts";
import { GatewayError } from "./gateway_error.ts";

/** The folder of what outlives the process: keys, certificates, the database. Mode 0700, its files 0600. */
export class StateDirectory {
  /** As it was given. */
  readonly path: string;

  /** Use {@link openStateDirectory}, which makes the folder. */
  constructor(path: string) {
    this.path = path;
  }

  /** The path of a file in the folder. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The text of a file, or `null` when it is not there. @throws {GatewayError} `gateway/state-unreadable` */
  async read(name: string): Promise<string | null> {
    try {
      return await Deno.readTextFile(this.file(name));
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return null;
      throw new GatewayError(
        "gateway/state-unreadable",
        `Cannot read ${this.file(name)}: ${errorMessage(cause)}`,
        {
          cause,
          hint: "run the gateway as the user who owns the state directory",
        },
      );
    }
  }

  /**
   * Writes a file whole or not at all, readable by its owner only.
   *
   * @throws {GatewayError} `gateway/state-unwritable`
   */
  async write(name: string, text: string): Promise<void> {
    const temporary = `${this.file(name)}.${crypto.randomUUID()}.tmp`;
    try {
      await Deno.writeTextFile(temporary, text, { mode: 0o600, createNew: true });
      await Deno.rename(temporary, this.file(name));
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }

  /** The text of a file; one that is not there is made first. */
  async readOrMake(name: string, make: () => Promise<string>): Promise<string> {
    const text = await this.read(name);
    if (text !== null) return text;
    const made = await make();
    await this.write(name, made);
    return made;
  }
}

/**
 * Opens the folder, and makes it if it is not there.
 *
 * @throws {GatewayError} `gateway/state-unwritable`
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  const probe = `${path}/.writable-${crypto.randomUUID()}`;
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(probe, "", { mode: 0o600 });
    await Deno.remove(probe);
  } catch (cause) {
    throw unwritable(path, cause);
  }
  return new StateDirectory(path);
}

function unwritable(path: string, cause: unknown): GatewayError {
  return new GatewayError(
    "gateway/state-unwritable",
    `Cannot write the state directory ${path}: ${errorMessage(cause)}`,
    {
      cause,
      hint: "choose another with --state-dir, or make this one writable for the user who runs the gateway",
    },
  );
}
