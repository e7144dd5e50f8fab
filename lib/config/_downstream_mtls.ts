import { utf8 } from "../base/bytes.ts";
import { parseCertificateBundle, parseCrlBundle } from "../pki/bundle.ts";
import { PkiError } from "../pki/pki_error.ts";
import { caught } from "./_caught.ts";
import { CERTIFICATE, type PemKind, readPem, reportsBoth, type SecretSources } from "./_certificates.ts";
import type { DownstreamMtls } from "./downstream_mtls.ts";
import { downstreamMtlsKeys } from "./downstream_mtls_keys.ts";
import { deepFreeze } from "./_freeze.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";

const CRL: PemKind = { name: "X509 CRL", marker: /-----BEGIN X509 CRL-----/ };

type Sources = Pick<SecretSources, "place" | "files">;

/** Reads `downstream_mtls`, and the files that it names. */
export async function readDownstreamMtls({ values, place, files }: SecretSources): Promise<DownstreamMtls> {
  const inner: MappingPlace = {
    mapping: values.downstream_mtls,
    path: ["downstream_mtls"],
    report: place.report,
    isStrict: true,
  };
  const mtls = readKeys(downstreamMtlsKeys, inner);
  const sources = { place: inner, files };
  return deepFreeze({
    authoritiesPem: await readText({ key: "ca", text: mtls.ca, file: mtls.ca_file }, sources),
    crlPem: await readText({ key: "crl", text: mtls.crl, file: mtls.crl_file, kind: CRL }, sources),
    crlCheck: mtls.crl_check,
    ocsp: mtls.ocsp,
    enforcement: mtls.enforcement,
    subjectAlternativeNames: mtls.match_subject_alt_names,
    maxVerifyDepth: mtls.max_verify_depth,
  });
}

/** The authorities of a route itself; `null` when it has none. */
export function readRouteAuthorities(
  values: {
    readonly tls_downstream_client_ca: string | null;
    readonly tls_downstream_client_ca_file: string | null;
  },
  sources: Sources,
): Promise<string | null> {
  const { tls_downstream_client_ca: text, tls_downstream_client_ca_file: file } = values;
  return readText({ key: "tls_downstream_client_ca", text, file }, sources);
}

/** The text of one key or of the file that its twin names, once it can be read as what it should be. */
async function readText(
  { key, text, file, kind = CERTIFICATE }: {
    key: string;
    text: string | null;
    file: string | null;
    kind?: PemKind;
  },
  sources: Sources,
): Promise<string | null> {
  const { place } = sources;
  if (text === null && file === null) return null;
  if (reportsBoth(key, place)) return null;
  const path = [...place.path, file === null ? key : `${key}_file`];
  const pem = await readPem({ path, text, file }, { kind, sources });
  if (pem === null) return null;
  const parse = kind === CERTIFICATE ? parseCertificateBundle : parseCrlBundle;
  const fault = caught(() => parse(utf8(pem)), PkiError);
  if (fault instanceof PkiError) {
    const at = file === null ? "key" : "value";
    place.report.error("config/bad-value", { message: fault.message, hint: fault.hint, path, at });
  }
  return pem;
}
