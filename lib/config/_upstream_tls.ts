import { describeCertificate } from "../pki/describe_certificate.ts";
import { PkiError } from "../pki/pki_error.ts";
import { ServerCertificates } from "../pki/server_certificates.ts";
import { caught } from "./_caught.ts";
import { CERTIFICATE, PRIVATE_KEY, readPem, type TextSource } from "./_certificates.ts";
import type { CertificatePair, Upstream } from "./config.ts";
import type { FileReader } from "./_files.ts";
import type { Values } from "./key_table.ts";
import type { MappingPlace } from "./_read_keys.ts";
import { speaksTls } from "./to_url.ts";
import type { upstreamKeys } from "./_upstream_keys.ts";
import type { UpstreamTls } from "./upstream_settings.ts";

type TlsValues = Values<typeof upstreamKeys>;

/** What the keys of a route are read with. */
export interface TlsSources {
  readonly values: TlsValues;
  /** The route. */
  readonly place: MappingPlace;
  readonly files: FileReader;
}

const KEYS = [
  "tls_server_name",
  "tls_upstream_server_name",
  "tls_skip_verify",
  "tls_custom_ca",
  "tls_custom_ca_file",
  "tls_client_cert",
  "tls_client_key",
  "tls_client_cert_file",
  "tls_client_key_file",
] as const;

/**
 * Reads how TLS is spoken with the services of a route; what is wrong, and what has no effect, is reported.
 *
 * @param options `to`: the services; `authoritiesPem`: of the top level, beside those of the system
 */
export async function readUpstreamTls(
  sources: TlsSources,
  { to, authoritiesPem }: { to: readonly Upstream[]; authoritiesPem: string | null },
): Promise<UpstreamTls> {
  if (!to.some(speaksTls)) warnOfNoEffect(sources.place);
  const { values } = sources;
  const ownPem = await readOwnAuthorities(sources);
  const extra = authoritiesPem === null ? null : { pem: authoritiesPem, isAll: false };
  return Object.freeze({
    serverName: values.tls_upstream_server_name ?? values.tls_server_name,
    skipVerify: values.tls_skip_verify,
    authorities: Object.freeze(ownPem === null ? extra : { pem: ownPem, isAll: true }),
    clientCertificate: await readClientCertificate(sources),
  });
}

function warnOfNoEffect({ mapping, path, report, protocol }: MappingPlace): void {
  // On a route from ssh:// they were reported already.
  if (protocol === "ssh") return;
  for (const key of KEYS) {
    if (!Object.hasOwn(mapping, key)) continue;
    const message = `${key} has no effect on routes whose services are not reached by https:// or tls://`;
    report.warnOnce("config/no-effect", { message, path: [...path, key], at: "key" });
  }
}

async function readOwnAuthorities(sources: TlsSources): Promise<string | null> {
  const source = sourceOf(["tls_custom_ca", "tls_custom_ca_file"], sources);
  if (source === null) return null;
  const pem = await readPem(source, { kind: CERTIFICATE, sources });
  if (pem === null) return null;
  const fault = caught(() => describeCertificate(pem), PkiError);
  if (fault instanceof PkiError) reportPair(fault, { path: source.path, sources });
  return pem;
}

async function readClientCertificate(sources: TlsSources): Promise<CertificatePair | null> {
  const { place } = sources;
  const cert = sourceOf(["tls_client_cert", "tls_client_cert_file"], sources);
  const key = sourceOf(["tls_client_key", "tls_client_key_file"], sources);
  if (cert === null || key === null) {
    const [there, missing] = cert !== null
      ? ["tls_client_cert", "tls_client_key"]
      : ["tls_client_key", "tls_client_cert"];
    const { path } = cert ?? key ?? {};
    if (path !== undefined && !isNamed(missing, place)) {
      const message = `This route has ${there} without ${missing}`;
      place.report.error("config/incomplete-pair", { message, hint: `add ${missing}_file`, path, at: "key" });
    }
    return null;
  }
  const certPem = await readPem(cert, { kind: CERTIFICATE, sources });
  const keyPem = await readPem(key, { kind: PRIVATE_KEY, sources });
  if (certPem === null || keyPem === null) return null;
  const pair = Object.freeze({ certPem, keyPem, source: cert.file ?? "tls_client_cert" });
  const checked = caught(() => new ServerCertificates([pair]), PkiError);
  if (checked instanceof PkiError) reportPair(checked, { path: cert.path, sources });
  return pair;
}

/** Where a text is: what stands in place counts before a file. */
function sourceOf(
  [inPlace, inFile]:
    | readonly ["tls_custom_ca", "tls_custom_ca_file"]
    | readonly ["tls_client_cert", "tls_client_cert_file"]
    | readonly ["tls_client_key", "tls_client_key_file"],
  { values, place }: TlsSources,
): TextSource | null {
  const text = values[inPlace];
  if (text !== null) return { path: [...place.path, inPlace], text, file: null };
  const file = values[inFile];
  return file === null ? null : { path: [...place.path, inFile], text: null, file };
}

/** A value that is there and wrong was reported already. */
function isNamed(key: string, { mapping }: MappingPlace): boolean {
  return Object.hasOwn(mapping, key) || Object.hasOwn(mapping, `${key}_file`);
}

function reportPair(
  { message, hint }: PkiError,
  { path, sources }: { path: TextSource["path"]; sources: TlsSources },
): void {
  sources.place.report.error("config/bad-pair", { message, hint, path, at: "key" });
}
