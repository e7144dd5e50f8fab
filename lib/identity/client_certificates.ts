import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { utf8 } from "../base/bytes.ts";
import type { Route } from "../config/config.ts";
import type { DownstreamMtls } from "../config/downstream_mtls.ts";
import { parseCertificateBundle } from "../pki/bundle.ts";
import { type Certificate, parseCertificate } from "../pki/certificate.ts";
import { CrlSet } from "../pki/crl_set.ts";
import { formatName } from "../pki/distinguished_name.ts";
import { nameAttributes } from "../pki/name_attributes.ts";
import { PathError } from "../pki/path_error.ts";
import { PkiError } from "../pki/pki_error.ts";
import { validatePath } from "../pki/validate_path.ts";
import type { ClientCertificateFacts } from "../policy/facts.ts";
import { AlternativeNames } from "./_alternative_names.ts";
import type { OcspClient, OcspQuestion } from "./ocsp_client.ts";
import { Possession } from "./_possession.ts";
import { Recent } from "../base/recent.ts";

/** What a caller presented, as in `ConnectionFacts.clientCertificates`. */
export type PresentedChain = readonly Uint8Array<ArrayBuffer>[] | null;

/** What was made of the certificate of a caller. */
export interface CertificateVerdict {
  /** What policies are told. */
  readonly facts: ClientCertificateFacts;
  /** Why it is not trusted, for the log; `null` when it is, or when none was presented. */
  readonly reason: string | null;
  /** What it says, for logs and the trail; `null` when none was presented, or none that can be read. */
  readonly details: CertificateDetails | null;
}

/** What a certificate says, for people. */
export interface CertificateDetails {
  /** Name of who has issued it (RFC 4514). */
  readonly issuer: string;
  /** Name of whom it is for; may be empty. */
  readonly subject: string;
  /** SHA-256 of the certificate, as 64 lower-case hexadecimal digits. */
  readonly fingerprint: string;
  /** Its alternative names, at most 20, as `type:value`. */
  readonly sans: readonly string[];
}

/** Some certificate that is trusted, of which nothing else is known: for saying who could come in. */
export const SOME_TRUSTED_CERTIFICATE: ClientCertificateFacts = {
  presented: true,
  valid: true,
  fingerprintSha256: "",
  spkiSha256Base64: "",
  sanDns: [],
  sanEmail: [],
  sanUri: [],
  issuer: {},
  subject: {},
};

const NONE: CertificateVerdict = {
  facts: { ...SOME_TRUSTED_CERTIFICATE, presented: false, valid: false },
  reason: null,
  details: null,
};
const MAX_VERDICTS = 1000;
/** When to look again if it is not known any more until when an OCSP answer holds. */
const OCSP_RECHECK_MS = 30_000;

interface Judged {
  readonly verdict: CertificateVerdict;
  /** The verdict is that of every moment from here to, not including, `to`. */
  readonly from: number;
  readonly to: number;
}

interface Evidence {
  readonly intermediates: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  readonly now: number;
}

/** Why a certificate is not trusted, `null` when it is, and for how long this holds as far as OCSP is concerned. */
interface Finding {
  readonly reason: string | null;
  readonly until: number;
}

/** Judges the certificates of callers by the settings of one configuration. A verdict is kept for as long as it holds. */
export class ClientCertificates {
  readonly #settings: Pick<DownstreamMtls, "maxVerifyDepth" | "crlCheck" | "ocsp">;
  readonly #clock: Pick<Clock, "now">;
  readonly #ocsp: Pick<OcspClient, "statusOf"> | undefined;
  readonly #crls: CrlSet | null;
  readonly #names: AlternativeNames;
  readonly #possession = new Possession();
  readonly #judged = new Recent<Judged>(MAX_VERDICTS);
  readonly #authorities = new Map<string, readonly Certificate[]>();
  readonly #ids = new Map<string, number>();
  readonly #keys = new WeakMap<readonly Uint8Array[], string>();

  /**
   * A judge who has seen nothing yet.
   *
   * @param options `ocsp`: needed unless the settings have it off
   * @throws {PkiError} `pki/bad-crl`, `pki/unsupported-crl`
   */
  constructor(
    settings: DownstreamMtls,
    { clock, ocsp }: { clock: Pick<Clock, "now">; ocsp?: Pick<OcspClient, "statusOf"> },
  ) {
    if (settings.ocsp !== "off" && ocsp === undefined) throw new TypeError("OCSP needs a client");
    this.#settings = settings;
    this.#clock = clock;
    this.#ocsp = ocsp;
    this.#crls = settings.crlPem === null ? null : readCrls(settings.crlPem, settings);
    this.#names = new AlternativeNames(settings.subjectAlternativeNames);
  }

  /** What a caller's certificate comes to on a route. */
  judge(chain: PresentedChain, route: Pick<Route, "clientAuthoritiesPem">): Promise<CertificateVerdict> {
    return this.judgeBy(chain, authoritiesOf(route));
  }

  /** The same by these authorities, as PEM texts. */
  async judgeBy(chain: PresentedChain, authorities: readonly string[]): Promise<CertificateVerdict> {
    if (chain === null || chain.length === 0) return NONE;
    const key = this.#keyOf(chain, authorities);
    const now = this.#clock.now();
    const known = this.#judged.get(key);
    if (known !== undefined && known.from <= now && now < known.to) return known.verdict;
    const { verdict, changes } = await this.#judge(chain, { anchors: this.#authoritiesOf(authorities), now });
    this.#judged.set(key, { verdict, from: now, to: changes ?? Infinity });
    return verdict;
  }

  /**
   * The first instant after `now` at which a verdict can be another, if nothing but time passes: when a certificate or a
   * revocation list that counts begins or ends, or an OCSP responder is to be asked again. In milliseconds since
   * 1970-01-01T00:00:00Z; `null` when there is none.
   */
  nextChange(chain: PresentedChain, route: Pick<Route, "clientAuthoritiesPem">): number | null {
    if (chain === null || chain.length === 0) return null;
    const authorities = authoritiesOf(route);
    const now = this.#clock.now();
    if (this.#settings.ocsp !== "off") {
      const judged = this.#judged.get(this.#keyOf(chain, authorities));
      const to = judged !== undefined && now < judged.to ? judged.to : now + OCSP_RECHECK_MS;
      return Number.isFinite(to) ? to : null;
    }
    const certificates = [...chain.flatMap(readable), ...this.#authoritiesOf(authorities)];
    return this.#nextChange(certificates, now);
  }

  async #judge(
    chain: readonly Uint8Array<ArrayBuffer>[],
    { anchors, now }: { anchors: readonly Certificate[]; now: number },
  ): Promise<{ verdict: CertificateVerdict; changes: number | null }> {
    const [first, ...rest] = chain;
    let leaf: Certificate;
    try {
      leaf = parseCertificate(first!);
    } catch (error) {
      if (!(error instanceof PkiError)) throw error;
      return { verdict: { ...NONE, reason: error.message }, changes: null };
    }
    const details = detailsOf(leaf);
    if (!this.#possession.isProven(leaf)) {
      const reason = leaf.version === 3
        ? "The handshake does not prove that the caller has the key of such a certificate"
        : `The certificate is of version ${leaf.version}: the handshake does not prove that the caller has its key`;
      return { verdict: { ...NONE, reason, details }, changes: null };
    }
    const intermediates = rest.flatMap(readable);
    const { reason, until } = await this.#examine(leaf, { intermediates, anchors, now });
    const changes = Math.min(this.#nextChange([leaf, ...intermediates, ...anchors], now) ?? Infinity, until);
    return { verdict: { facts: factsOf(leaf, reason === null), reason, details }, changes };
  }

  async #examine(leaf: Certificate, evidence: Evidence): Promise<Finding> {
    const { maxVerifyDepth: maxDepth, crlCheck } = this.#settings;
    const crls = this.#crls === null ? {} : { crls: this.#crls };
    let issuer: Certificate | undefined;
    try {
      const options = { ...evidence, ...crls, crlCheck, purpose: "client-auth", maxDepth } as const;
      [, issuer] = (await validatePath(leaf, options)).chain;
    } catch (error) {
      if (error instanceof PathError) return { reason: error.message, until: Infinity };
      throw error;
    }
    if (!this.#names.match(leaf)) {
      const reason = "None of its alternative names is one of match_subject_alt_names";
      return { reason, until: Infinity };
    }
    // Whoever is an authority of the route himself has no issuer who could revoke him.
    if (issuer === undefined) return { reason: null, until: Infinity };
    return await this.#askOcsp(leaf, { issuer, ...crls });
  }

  /** Only ever asked about a certificate whose path is valid: who is asked stands in the certificate. */
  async #askOcsp(leaf: Certificate, question: OcspQuestion): Promise<Finding> {
    const { ocsp: mode } = this.#settings;
    if (mode === "off" || this.#ocsp === undefined) return { reason: null, until: Infinity };
    const { status, reason, until } = await this.#ocsp.statusOf(leaf, question);
    if (status === "revoked") {
      return {
        reason: "The certificate was revoked, as its OCSP responder says (RFC 6960 section 2.2)",
        until,
      };
    }
    if (status === "good" || mode === "try") return { reason: null, until };
    return { reason: `Whether the certificate was revoked is not known: ${reason}`, until };
  }

  #nextChange(certificates: readonly Certificate[], now: number): number | null {
    const instants = [
      ...certificates.flatMap(({ notBefore, notAfter }) => [notBefore, notAfter + 1]),
      ...this.#crls?.lists.flatMap(({ thisUpdate, nextUpdate }) => [thisUpdate, nextUpdate + 1]) ?? [],
    ].filter((instant) => instant > now && Number.isFinite(instant));
    return instants.length === 0 ? null : instants.reduce((a, b) => Math.min(a, b));
  }

  #authoritiesOf(pems: readonly string[]): readonly Certificate[] {
    return pems.flatMap((pem) => {
      const known = this.#authorities.get(pem) ?? parseCertificateBundle(utf8(pem));
      this.#authorities.set(pem, known);
      return known;
    });
  }

  #keyOf(chain: readonly Uint8Array<ArrayBuffer>[], authorities: readonly string[]): string {
    const key = this.#keys.get(chain) ?? digest(chain);
    this.#keys.set(chain, key);
    return `${key} ${authorities.map((pem) => this.#idOf(pem)).join()}`;
  }

  /** Texts of authorities can be long: each is known by a number. */
  #idOf(pem: string): number {
    const id = this.#ids.get(pem) ?? this.#ids.size;
    this.#ids.set(pem, id);
    return id;
  }
}

function authoritiesOf({ clientAuthoritiesPem }: Pick<Route, "clientAuthoritiesPem">): readonly string[] {
  return clientAuthoritiesPem === null ? [] : [clientAuthoritiesPem];
}

/** The time for which a list is meant counts only where bad callers get no further than the handshake. */
function readCrls(pem: string, { enforcement }: DownstreamMtls): CrlSet {
  const crls = CrlSet.parse(utf8(pem));
  if (enforcement === "reject_connection") return crls;
  return new CrlSet(crls.lists.map((list) => ({ ...list, thisUpdate: -Infinity, nextUpdate: Infinity })));
}

/** An intermediate that cannot be read leads nowhere. */
function readable(der: Uint8Array<ArrayBuffer>): Certificate[] {
  try {
    return [parseCertificate(der)];
  } catch (error) {
    if (error instanceof PkiError) return [];
    throw error;
  }
}

function factsOf(leaf: Certificate, valid: boolean): ClientCertificateFacts {
  const names = leaf.extensions.subjectAlternativeNames;
  const valuesOf = (wanted: "dns" | "email" | "uri") =>
    names.flatMap((name) => name.type === wanted ? [name.value] : []);
  return {
    presented: true,
    valid,
    fingerprintSha256: leaf.fingerprintSha256,
    spkiSha256Base64: leaf.spkiSha256Base64,
    sanDns: valuesOf("dns"),
    sanEmail: valuesOf("email"),
    sanUri: valuesOf("uri"),
    issuer: nameAttributes(leaf.issuer),
    subject: nameAttributes(leaf.subject),
  };
}

function detailsOf(leaf: Certificate): CertificateDetails {
  return {
    issuer: formatName(leaf.issuer),
    subject: formatName(leaf.subject),
    fingerprint: leaf.fingerprintSha256,
    sans: AlternativeNames.texts(leaf),
  };
}

/** One text for each list of byte strings. */
function digest(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest("base64");
}
