import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import type { CertificatePair } from "../../lib/pki/server_certificates.ts";

/** The moment at which the tests of this folder take place. */
export const NOW = Date.UTC(2026, 5, 1, 12);

/** A pair for `names`, from an authority of its own. */
export async function pairFor(...names: string[]): Promise<CertificatePair> {
  const authority = await createAuthority({ now: NOW, commonName: "Test authority" });
  return { ...await issueServerCertificate({ authority, names, now: NOW }), source: names.join() };
}
