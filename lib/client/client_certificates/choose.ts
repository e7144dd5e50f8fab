import { PkiError } from "../../pki/pki_error.ts";
import { MAX_PKCS12_BYTES } from "../../pki/pkcs12.ts";
import { ClientError } from "../client_error.ts";
import type { GatewayAddress } from "../gateway_address.ts";
import { readBounded } from "./_files.ts";
import { type AdvertisedAuthorities, askAuthorities } from "../advertised_authorities.ts";
import {
  type Candidate,
  isEncryptedKey,
  isPkcs12,
  readCandidates,
  type UnusableCandidate,
  type UsableCandidate,
} from "./candidate.ts";
import { nssCandidates, nssDatabase } from "./nss_database.ts";
import { selectCandidate, type SelectionRules, type Verdict } from "./select.ts";
import { certificateDirectory, directoryCandidates } from "./store_directory.ts";
import { systemCandidates } from "./system_store.ts";

/** The surroundings in which certificates are looked for. */
export interface StoreSurroundings {
  /** Looks up an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** As `Deno.build.os` names it. */
  readonly os: string;
  /** For files and databases that need one; `null`: there is none. */
  readonly password: string | null;
}

/** Files that the person has named. */
export interface NamedFiles {
  /** PEM text, or PKCS#12. */
  readonly certPath: string;
  /** PEM text; default: the key is in the same file. */
  readonly keyPath?: string | undefined;
  /** `null`: there is none at hand. */
  readonly password: string | null;
  /** Asks the person when one turns out to be needed; `null`: nobody is there. */
  readonly askPassword: (path: string) => Promise<string | null>;
}

/** What was chosen, and why. */
export interface Choice {
  /** What the gateway says; `null`: it does not tell, or was not asked. */
  readonly advertised: AdvertisedAuthorities | null;
  /** One for each candidate. */
  readonly verdicts: readonly Verdict[];
}

/** Every certificate of the person: of the directory, then of the NSS database, then of the system. */
export async function storeCandidates({ env, os, password }: StoreSurroundings): Promise<Candidate[]> {
  const directory = certificateDirectory(env, os);
  const database = nssDatabase(env);
  return [
    ...directory === null ? [] : await directoryCandidates(directory, { password }),
    ...os === "linux" && database !== null ? await nssCandidates(database, { password }) : [],
    ...await systemCandidates(os),
  ];
}

/**
 * The certificate in files that the person has named.
 *
 * @throws {ClientError} `client/invalid-certificate` when a file cannot be read
 */
export async function namedCandidate(files: NamedFiles): Promise<UsableCandidate | UnusableCandidate> {
  const { certPath, keyPath } = files;
  const certificate = await requireFile(certPath);
  const key = keyPath === undefined ? undefined : await requireFile(keyPath);
  const read = async (password: string | null) => {
    const parts = { source: certPath, certificate, password, ...(key === undefined ? {} : { key }) };
    return (await readCandidates(parts))[0]!;
  };
  const candidate = await read(files.password);
  const mayNeedPassword = isPkcs12(certificate) || isEncryptedKey(key ?? certificate);
  if (!mayNeedPassword || files.password !== null || !needsPassword(candidate)) return candidate;
  const password = await files.askPassword(keyPath ?? certPath);
  return password === null ? candidate : await read(password);
}

/**
 * Chooses among candidates, for a gateway if there is one.
 *
 * @param options `signal`: gives up asking the gateway
 * @throws {ClientError} as {@link askAuthorities}
 */
export async function chooseCandidate(
  candidates: readonly Candidate[],
  options: {
    readonly gateway: GatewayAddress | null;
    readonly rules: Omit<SelectionRules, "authorities">;
    readonly signal: AbortSignal;
  },
): Promise<Choice> {
  const { gateway, rules, signal } = options;
  const advertised = gateway === null ? null : await askAuthorities(gateway, { signal });
  const authorities = advertised?.names ?? null;
  return { advertised, verdicts: await selectCandidate(candidates, { ...rules, authorities }) };
}

function needsPassword(candidate: UsableCandidate | UnusableCandidate): boolean {
  return "fault" in candidate && candidate.fault instanceof PkiError &&
    candidate.fault.code === "pki/wrong-password";
}

async function requireFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readBounded(path, MAX_PKCS12_BYTES);
  if (bytes !== null) return bytes;
  throw new ClientError("client/invalid-certificate", `Cannot read ${path}, or it is larger than 1 MiB`);
}
