import { join } from "node:path";
import { randomId, systemRandom } from "../../base/random.ts";
import { MAX_PKCS12_BYTES } from "../../pki/pkcs12.ts";
import { privateFolder, readBounded } from "./_files.ts";
import { runTool } from "./_run_tool.ts";
import { type Candidate, readCandidates } from "./candidate.ts";

/** Certificates of the Windows store that are looked at. */
const MAX_CERTIFICATES = 32;
/** The SHA-1 of a certificate, as `certutil` prints it in every language. */
const THUMBPRINT = /:\s*((?:[0-9a-f]{2} ?){20})\s*$/gm;

/**
 * The certificates of the login keychain of macOS, by `security`, or of the personal store of Windows, by `certutil`, as
 * far as the system lets their keys out. **Never run on either system: written from the documentation of the tools.**
 *
 * Both tools take the password of the file they write from the command line only. It is made up for this one file, which
 * nobody else can read, and says nothing of any password of the person.
 *
 * @param os as `Deno.build.os` names it; on others there is no such store
 */
export async function systemCandidates(os: string): Promise<Candidate[]> {
  if (os === "darwin") return await keychainCandidates();
  return os === "windows" ? await windowsCandidates() : [];
}

async function keychainCandidates(): Promise<Candidate[]> {
  const { candidates } = await exported("login keychain", ({ file, once }) => ({
    program: "security",
    args: ["export", "-t", "identities", "-f", "pkcs12", "-P", once, "-o", file],
  }));
  return candidates;
}

async function windowsCandidates(): Promise<Candidate[]> {
  const listing = await runTool("certutil", ["-user", "-store", "My"]) ?? "";
  const found: Candidate[] = [];
  for (const thumbprint of thumbprintsIn(listing).slice(0, MAX_CERTIFICATES)) {
    const { candidates } = await exported(`My ${thumbprint}`, ({ file, once }) => ({
      program: "certutil",
      args: ["-user", "-p", once, "-exportPFX", "My", thumbprint, file],
    }));
    found.push(...candidates);
  }
  return found;
}

/** The certificates in what `certutil -store` prints. */
export function thumbprintsIn(listing: string): string[] {
  return [...listing.matchAll(THUMBPRINT)].map(([, pairs]) => pairs!.replaceAll(" ", ""));
}

async function exported(
  source: string,
  call: (paths: { file: string; once: string }) => { program: string; args: readonly string[] },
): Promise<{ candidates: Candidate[] }> {
  await using folder = await privateFolder();
  const file = join(folder.path, "identities.p12");
  const once = randomId(systemRandom, 32);
  const { program, args } = call({ file, once });
  await runTool(program, args);
  const certificate = await readBounded(file, MAX_PKCS12_BYTES);
  if (certificate === null) return { candidates: [] };
  return { candidates: await readCandidates({ source, certificate, password: once }) };
}
