import { join } from "node:path";
import { randomId, systemRandom } from "../../base/random.ts";
import type { Certificate } from "../../pki/certificate.ts";
import { issuerChain } from "../../pki/issuer_chain.ts";
import { PkiError } from "../../pki/pki_error.ts";
import { MAX_PKCS12_BYTES } from "../../pki/pkcs12.ts";
import { privateFolder, readBounded, writeSecret } from "./_files.ts";
import { runTool } from "./_run_tool.ts";
import {
  type Candidate,
  certificatesIn,
  readCandidates,
  type UnusableCandidate,
  type UsableCandidate,
} from "./candidate.ts";

/** Names of one database that are looked at. */
const MAX_NICKNAMES = 64;
/** A nickname, and after it what the database trusts it for: `u` says that its key is there. */
const LISTED = /^(.*\S)\s+([a-zA-Z]*),([a-zA-Z]*),([a-zA-Z]*)\s*$/;

/** A name in a database. */
export interface NssNickname {
  /** What it is called. */
  readonly nickname: string;
  /** Whether the database has the key of a certificate of this name. */
  readonly hasKey: boolean;
}

/** Where Chromium and others keep certificates on Linux, if there is a home directory. */
export function nssDatabase(env: (name: string) => string | undefined): string | null {
  const home = env("HOME");
  return home ? join(home, ".pki", "nssdb") : null;
}

/**
 * The certificates with a key in an NSS database, in the order of `certutil`, which with `pk12util` must be installed
 * (Debian's `libnss3-tools`). A key is taken out when it is needed, through a temporary file, encrypted, in a folder of
 * its own; this takes a second or two.
 *
 * @param options `password`: of the database; `null`: it has none
 * @returns of at most 64 names; empty when there is no database, or no tools
 */
export async function nssCandidates(
  directory: string,
  { password }: { password: string | null },
): Promise<Candidate[]> {
  const database = `sql:${directory}`;
  const names = nicknamesIn(await runTool("certutil", ["-L", "-d", database]) ?? "").slice(0, MAX_NICKNAMES);
  const found: { nickname: string; hasKey: boolean; certificates: Certificate[] }[] = [];
  for (const name of names) {
    found.push({ ...name, certificates: await certificatesOf(database, name.nickname) });
  }
  const pool = found.flatMap(({ certificates }) => certificates);
  return found.filter(({ hasKey }) => hasKey).flatMap(({ nickname, certificates }) => {
    const source = `${database} ${nickname}`;
    return certificates.map((own): Candidate => ({
      source,
      chain: issuerChain(own, pool),
      open: () => open(own, { source, database, nickname, password: password ?? "" }),
    }));
  });
}

/** The names in what `certutil -L` prints. */
export function nicknamesIn(listing: string): NssNickname[] {
  return listing.split("\n").flatMap((line) => {
    const [, nickname, ...flags] = LISTED.exec(line) ?? [];
    if (nickname === undefined) return [];
    return [{ nickname, hasKey: flags.some((flag) => flag.includes("u")) }];
  });
}

/** There can be several, as when one was renewed. */
async function certificatesOf(database: string, nickname: string): Promise<Certificate[]> {
  const pem = await runTool("certutil", ["-L", "-d", database, "-n", nickname, "-a"]);
  try {
    return certificatesIn(pem ?? "");
  } catch (error) {
    if (error instanceof PkiError) return [];
    throw error;
  }
}

interface Place {
  readonly source: string;
  readonly database: string;
  readonly nickname: string;
  readonly password: string;
}

async function open(own: Certificate, place: Place): Promise<UsableCandidate | UnusableCandidate> {
  const exported = await exportKeys(place);
  const candidates = exported === null ? [] : await readCandidates({ source: place.source, ...exported });
  const candidate = candidates.find(({ chain }) => chain[0]?.fingerprintSha256 === own.fingerprintSha256);
  if (candidate !== undefined) return candidate;
  const fault = new PkiError("pki/bad-key", "The key cannot be taken out of the database", {
    hint: "if the database has a password, name its file with --client-cert-password-file",
  });
  return { source: place.source, fault, chain: [own] };
}

async function exportKeys(
  { database, nickname, password }: Place,
): Promise<{ certificate: Uint8Array<ArrayBuffer>; password: string } | null> {
  await using folder = await privateFolder();
  const once = randomId(systemRandom, 32);
  const output = join(folder.path, "keys.p12");
  const databasePassword = await writeSecret(folder.path, { name: "database", text: password });
  const filePassword = await writeSecret(folder.path, { name: "file", text: once });
  const ciphers = ["-c", "AES-256-CBC", "-C", "AES-256-CBC"];
  const passwords = ["-k", databasePassword, "-w", filePassword];
  await runTool("pk12util", ["-o", output, "-n", nickname, "-d", database, ...passwords, ...ciphers]);
  const certificate = await readBounded(output, MAX_PKCS12_BYTES);
  return certificate === null ? null : { certificate, password: once };
}
