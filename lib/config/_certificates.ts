import type { CertificatePair } from "./config.ts";
import type { FileReader } from "./_files.ts";
import type { globalKeys } from "./global_keys.ts";
import { readSecret } from "./_global_types.ts";
import type { Values } from "./key_table.ts";
import type { MappingPlace } from "./_read_keys.ts";
import type { Path } from "./_yaml_tree.ts";

/** Where certificates, keys and secrets are looked for. */
export interface SecretSources {
  /** The keys of the top level. */
  readonly values: Values<typeof globalKeys>;
  readonly place: MappingPlace;
  readonly files: FileReader;
}

/** Text that stands in the configuration, or in a file that it names. */
export interface TextSource {
  readonly path: Path;
  readonly text: string | null;
  readonly file: string | null;
}

/** What a PEM text has to hold. */
export interface PemKind {
  readonly name: string;
  readonly marker: RegExp;
}

/** A certificate in PEM (RFC 7468), for whoever names the wrong file. */
export const CERTIFICATE: PemKind = {
  name: "certificate",
  marker: /-----BEGIN (?:TRUSTED )?CERTIFICATE-----/,
};
/** A private key in PEM. */
export const PRIVATE_KEY: PemKind = {
  name: "private key",
  marker: /-----BEGIN (?:[A-Z0-9]+ )?PRIVATE KEY-----/,
};

/** The certificates of the gateway: those of the list, then the one named by file, then the one in place. */
export async function readCertificates(sources: SecretSources): Promise<readonly CertificatePair[]> {
  const { values } = sources;
  const found = [
    ...values.certificates.map(({ cert, key }, index) => ({
      cert: { path: ["certificates", index, "cert"], file: cert, text: null },
      key: { path: ["certificates", index, "key"], file: key, text: null },
    })),
    ...wholePair(["certificate_file", "certificate_key_file"], sources),
    ...wholePair(["certificate", "certificate_key"], sources),
  ];
  const pairs: CertificatePair[] = [];
  for (const { cert, key } of found) {
    const certPem = await readPem(cert, { kind: CERTIFICATE, sources });
    const keyPem = await readPem(key, { kind: PRIVATE_KEY, sources });
    if (certPem !== null && keyPem !== null) {
      pairs.push(Object.freeze({ certPem, keyPem, source: cert.file ?? String(cert.path[0]) }));
    }
  }
  return Object.freeze(pairs);
}

/** The authorities trusted beside those of the system, as one PEM text; `null` when there are none. */
export async function readAuthorities(sources: SecretSources): Promise<string | null> {
  const { certificate_authority_file: file, certificate_authority: text } = sources.values;
  const parts = [
    file === null ? null : { path: ["certificate_authority_file"], file, text: null },
    text === null ? null : { path: ["certificate_authority"], file: null, text },
  ].filter((source) => source !== null);
  const pems = await Promise.all(parts.map((source) => readPem(source, { kind: CERTIFICATE, sources })));
  return parts.length === 0 ? null : pems.filter((pem) => pem !== null).join("\n");
}

/** The shared secret, in place or from its file; `null` when there is none. */
export async function readSharedSecret(
  { values, place, files }: SecretSources,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const { shared_secret: secret, shared_secret_file: file } = values;
  if (file === null) return secret;
  const path = ["shared_secret_file"];
  if (reportsBoth("shared_secret", place)) return null;
  const text = await files.text(file, path);
  if (text === null) return null;
  const parsed = readSecret(text);
  if (parsed.ok) return parsed.value;
  const { code, message, hint } = parsed.fault;
  place.report.error(code, { message: `The file of the shared secret ${message}`, hint, path });
  return null;
}

/** Reports a key that stands beside the one that names a file for it. @returns whether it does */
export function reportsBoth(key: string, { mapping, path, report }: MappingPlace): boolean {
  const file = `${key}_file`;
  if (![key, file].every((name) => Object.hasOwn(mapping, name) && mapping[name] !== null)) return false;
  const message = `There is both a ${key} and a ${file}`;
  report.error("config/conflict", { message, hint: "keep one of them", path: [...path, file], at: "key" });
  return true;
}

type PairKeys =
  | readonly ["certificate_file", "certificate_key_file"]
  | readonly ["certificate", "certificate_key"];

/** The pair of these keys, if it is there; half a pair is reported. */
function wholePair([certKey, keyKey]: PairKeys, { values, place }: SecretSources) {
  const cert = values[certKey];
  const key = values[keyKey];
  if (cert !== null && key !== null) return [{ cert: sourceAt(certKey, cert), key: sourceAt(keyKey, key) }];
  const [present, missing] = cert !== null ? [certKey, keyKey] : [keyKey, certKey];
  // A value that is there and wrong was reported already.
  if ((cert !== null || key !== null) && !Object.hasOwn(place.mapping, missing)) {
    const message = `${present} stands without ${missing}`;
    place.report.error("config/incomplete-pair", {
      message,
      hint: `add ${missing}`,
      path: [present],
      at: "key",
    });
  }
  return [];
}

function sourceAt(key: string, value: string): TextSource {
  const isFile = key.endsWith("_file");
  return { path: [key], file: isFile ? value : null, text: isFile ? null : value };
}

/** Reads a PEM text; one that holds something else is reported. @returns `null` when an error was reported */
export async function readPem(
  { path, file, text }: TextSource,
  { kind, sources }: { kind: PemKind; sources: Pick<SecretSources, "place" | "files"> },
): Promise<string | null> {
  const pem = file === null ? text : await sources.files.text(file, path);
  if (pem === null || kind.marker.test(pem)) return pem;
  sources.place.report.error("config/not-pem", {
    message: `There is no ${kind.name} in PEM format ${file === null ? "here" : "in this file"}`,
    hint: `it would begin with -----BEGIN ${kind.name.toUpperCase()}-----`,
    path,
    at: file === null ? "key" : "value",
  });
  return null;
}
