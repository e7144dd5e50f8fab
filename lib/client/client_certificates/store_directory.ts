import { basename, extname, join } from "node:path";
import { MAX_PKCS12_BYTES } from "../../pki/pkcs12.ts";
import { namesIn, readBounded } from "./_files.ts";
import { type Candidate, readCandidates } from "./candidate.ts";

/** Files that are looked at. */
const MAX_FILES = 100;

/**
 * Where a person keeps certificates for gateways: `$XDG_CONFIG_HOME/sallyport/certs` or `~/.config/sallyport/certs`,
 * `%AppData%\sallyport\certs` on Windows.
 *
 * @returns `null` when the environment does not say where the home directory is
 */
export function certificateDirectory(env: (name: string) => string | undefined, os: string): string | null {
  const home = env("HOME");
  const base = os === "windows" ? env("APPDATA") : env("XDG_CONFIG_HOME") || (home && join(home, ".config"));
  return base ? join(base, "sallyport", "certs") : null;
}

/**
 * The certificates in a directory, by name of file: `NAME.p12` and `NAME.pfx`, `NAME.pem` with its key inside, and
 * `NAME.crt` with its key in `NAME.key`. At most 100 files of 1 MiB.
 *
 * @param options `password`: for those that need one
 */
export async function directoryCandidates(
  directory: string,
  { password }: { password: string | null },
): Promise<Candidate[]> {
  const names = (await namesIn(directory)).filter((name) => /\.(p12|pfx|pem|crt)$/i.test(name)).slice(
    0,
    MAX_FILES,
  );
  const found: Candidate[] = [];
  for (const name of names) {
    const source = join(directory, name);
    const certificate = await readBounded(source, MAX_PKCS12_BYTES);
    if (certificate === null) continue;
    const key = extname(name).toLowerCase() === ".crt"
      ? await readBounded(join(directory, `${basename(name, extname(name))}.key`), MAX_PKCS12_BYTES)
      : null;
    found.push(...await readCandidates({ source, certificate, password, ...(key === null ? {} : { key }) }));
  }
  return found;
}
