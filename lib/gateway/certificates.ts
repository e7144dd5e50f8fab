import { parseIp } from "../base/ip.ts";
import type { CertificatePair, Config } from "../config/config.ts";
import { describeCertificate } from "../pki/describe_certificate.ts";
import { createAuthority, issueServerCertificate } from "../pki/development_authority.ts";
import { PkiError } from "../pki/pki_error.ts";
import { ServerCertificates } from "../pki/server_certificates.ts";
import type { StateDirectory } from "./state_directory.ts";

/** A development certificate is made anew when it has less than this left. */
const RENEW_BEFORE_MS = 30 * 86_400_000;
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "::1"];

/** The certificates of the gateway. */
export interface GatewayCertificates {
  /** What TLS handshakes are answered with. */
  readonly certificates: ServerCertificates;
  /** Path of the development authority's certificate, which clients must trust; `null` when certificates are configured. */
  readonly authorityFile: string | null;
}

/**
 * The configured certificates, or, when there are none, one from a development authority in the state directory: made at
 * the first start, kept, and made anew when it runs out or does not carry a name of the configuration.
 *
 * @throws {PkiError} when a configured pair does not hold together
 * @throws {GatewayError} when the state directory fails
 */
export async function gatewayCertificates(
  config: Config,
  options: { state: StateDirectory; now: number },
): Promise<GatewayCertificates> {
  if (config.certificates.length > 0) {
    return { certificates: new ServerCertificates(config.certificates), authorityFile: null };
  }
  const { state, now } = options;
  const names = gatewayNames(config);
  const pair = await storedPair(state, { names, now }) ?? await makePair(state, { names, now });
  return { certificates: new ServerCertificates([pair]), authorityFile: state.file("ca.pem") };
}

/** The names under which clients dial this gateway. */
function gatewayNames(config: Config): string[] {
  const names = new Set(LOOPBACK_NAMES);
  if (config.authenticateOrigin !== null) {
    names.add(new URL(config.authenticateOrigin).hostname.replace(/^\[|\]$/g, ""));
  }
  const { hostname } = config.address;
  if (hostname !== "" && hostname !== "0.0.0.0" && hostname !== "::") names.add(hostname);
  for (const { from } of config.routes) {
    // A certificate can carry a wildcard only as its whole first label (RFC 9525 section 6.3).
    if (from.protocol !== "ssh" && !from.gateway.host.replace(/^\*\./, "").includes("*")) {
      names.add(from.gateway.host);
    }
  }
  return [...names].slice(0, 100);
}

async function storedPair(
  state: StateDirectory,
  wanted: { names: readonly string[]; now: number },
): Promise<CertificatePair | null> {
  const [certPem, keyPem] = await Promise.all([state.read("server.pem"), state.read("server-key.pem")]);
  if (certPem === null || keyPem === null || await state.read("ca.pem") === null) return null;
  try {
    const { notAfter, dnsNames, ipAddresses } = describeCertificate(certPem);
    const carried = new Set([...dnsNames, ...ipAddresses].map(comparable));
    const suits = Number(notAfter) > wanted.now + RENEW_BEFORE_MS &&
      wanted.names.every((name) => carried.has(comparable(name)));
    return suits ? { certPem, keyPem, source: state.file("server.pem") } : null;
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

async function makePair(
  state: StateDirectory,
  wanted: { names: readonly string[]; now: number },
): Promise<CertificatePair> {
  const authority = await storedAuthority(state) ?? await makeAuthority(state, wanted.now);
  const pair = await issueServerCertificate({ authority, ...wanted });
  await state.write("server.pem", pair.certPem);
  await state.write("server-key.pem", pair.keyPem);
  return { ...pair, source: state.file("server.pem") };
}

async function storedAuthority(state: StateDirectory) {
  const [certPem, keyPem] = await Promise.all([state.read("ca.pem"), state.read("ca-key.pem")]);
  return certPem === null || keyPem === null ? null : { certPem, keyPem };
}

async function makeAuthority(state: StateDirectory, now: number) {
  const authority = await createAuthority({ now, commonName: "Sallyport development authority" });
  await state.write("ca.pem", authority.certPem);
  await state.write("ca-key.pem", authority.keyPem);
  return authority;
}

function comparable(name: string): string {
  const ip = parseIp(name);
  return ip === null ? name.toLowerCase() : `${ip.version}/${ip.value}`;
}
