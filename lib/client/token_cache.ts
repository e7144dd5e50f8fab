import { createHash } from "node:crypto";
import { join } from "node:path";
import { errorMessage } from "../base/errors.ts";
import { randomId, systemRandom } from "../base/random.ts";
import type { Log } from "../observe/log.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import { MAX_TOKEN_LENGTH, tokenState } from "./token.ts";

/** Tokens of gateways, kept between runs of the program. */
export interface TokenCache {
  /** The token for this gateway if it can still be used at `now` (milliseconds since 1970), or `null`. */
  load(gateway: GatewayAddress, now: number): Promise<string | null>;
  /** Keeps a token in place of the one before. */
  save(gateway: GatewayAddress, token: string): Promise<void>;
  /** Forgets the token. @returns whether there was one */
  remove(gateway: GatewayAddress): Promise<boolean>;
}

/**
 * The directory where this person's tokens belong: `$XDG_CACHE_HOME/sallyport` or `~/.cache/sallyport`,
 * `~/Library/Caches/sallyport` on macOS, `%LocalAppData%\sallyport` on Windows.
 *
 * @returns `null` when the environment does not say where the home directory is
 */
export function tokenCacheDirectory(env: (name: string) => string | undefined, os: string): string | null {
  const home = env("HOME");
  const base = os === "windows"
    ? env("LOCALAPPDATA")
    : os === "darwin"
    ? home && join(home, "Library", "Caches")
    : env("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  return base ? join(base, "sallyport") : null;
}

/**
 * Tokens in files of a directory that only its owner can read. When the directory cannot be made, tokens are kept in
 * memory, after a warning.
 */
export async function openTokenCache(directory: string | null, log: Log): Promise<TokenCache> {
  try {
    if (directory === null) throw new Error("the home directory is not known");
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    return new FileTokenCache(directory, log);
  } catch (error) {
    log.warn(`Signing in will not be remembered: ${errorMessage(error)}`);
    return memoryTokenCache();
  }
}

/** Tokens that are gone when the program ends. */
export function memoryTokenCache(): TokenCache {
  const tokens = new Map<string, string>();
  return {
    load: (gateway, now) => Promise.resolve(usable(tokens.get(keyOf(gateway)), now)),
    save: (gateway, token) => Promise.resolve(void tokens.set(keyOf(gateway), token)),
    remove: (gateway) => Promise.resolve(tokens.delete(keyOf(gateway))),
  };
}

class FileTokenCache implements TokenCache {
  readonly #directory: string;
  readonly #log: Log;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  async load(gateway: GatewayAddress, now: number): Promise<string | null> {
    const path = this.#path(gateway);
    try {
      const text = await readPrivateFile(path);
      if (text !== null) return usable(text, now);
      this.#log.warn(`Ignoring ${path}: other users can read or change it, or it is too long for a token`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        this.#log.warn(`Cannot read ${path}: ${errorMessage(error)}`);
      }
    }
    return null;
  }

  async save(gateway: GatewayAddress, token: string): Promise<void> {
    const path = this.#path(gateway);
    const temporary = `${path}.${randomId(systemRandom, 8)}.tmp`;
    try {
      await Deno.writeTextFile(temporary, token, { createNew: true, mode: 0o600 });
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      this.#log.warn(`Signing in will not be remembered: cannot write ${path}: ${errorMessage(error)}`);
    }
  }

  async remove(gateway: GatewayAddress): Promise<boolean> {
    try {
      await Deno.remove(this.#path(gateway));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #path(gateway: GatewayAddress): string {
    const name = createHash("sha256").update(keyOf(gateway)).digest("base64url");
    return join(this.#directory, `${name}.jwt`);
  }
}

function keyOf(gateway: GatewayAddress): string {
  return `${gateway.host}:${gateway.port}|${gateway.tls}`;
}

function usable(token: string | undefined, now: number): string | null {
  return token !== undefined && tokenState(token, now) === "usable" ? token : null;
}

/** The text of a file that nobody but its owner can touch; `null` when others can, or when it is too long. */
async function readPrivateFile(path: string): Promise<string | null> {
  using file = await Deno.open(path);
  const { mode, size, isFile } = await file.stat();
  if (!isFile || (mode !== null && (mode & 0o077) !== 0) || size > MAX_TOKEN_LENGTH) return null;
  const bytes = new Uint8Array(MAX_TOKEN_LENGTH);
  const count = await file.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count)).trim();
}
