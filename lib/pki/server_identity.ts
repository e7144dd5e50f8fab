import { parseCertificate } from "./certificate.ts";
import { PkiError } from "./pki_error.ts";
import { standsForHost } from "./server_name.ts";

/**
 * Why a certificate whose chain was verified is not one for `host`, by its subject alternative names alone (RFC 9525
 * section 6.3). Also refuses what is not version 3: `node:tls` of Deno 2.9.6 does not check that who shows such a
 * certificate holds its key.
 *
 * @param der the server's own certificate
 * @param host a DNS name, or an IP address without brackets
 * @returns `null` when it is for `host`
 */
export function serverIdentityFault(der: Uint8Array, host: string): Error | null {
  try {
    const certificate = parseCertificate(new Uint8Array(der));
    if (certificate.version !== 3) return fault("it is not of version 3");
    return standsForHost(certificate, host) ? null : fault("not valid for name");
  } catch (error) {
    if (error instanceof PkiError) return fault("it cannot be read");
    throw error;
  }
}

function fault(reason: string): Error {
  return new Error(`invalid peer certificate: ${reason}`);
}
