import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import { readBody } from "../base/read_body.ts";
import type { Log } from "../observe/log.ts";
import type { Certificate } from "../pki/certificate.ts";
import type { CrlSet } from "../pki/crl_set.ts";
import { MAX_OCSP_BYTES, ocspRequest, type OcspStatus, verifyOcspAnswer } from "../pki/ocsp.ts";
import { PkiError } from "../pki/pki_error.ts";
import { Recent } from "../base/recent.ts";

/** What is known of a certificate's revocation. */
export interface OcspVerdict {
  /** What its issuer says; `unknown` as well when nobody can be asked. */
  readonly status: OcspStatus;
  /** Why it is unknown, for the log; `null` when it is not. */
  readonly reason: string | null;
  /** When it is to be asked again, in milliseconds since 1970-01-01T00:00:00Z; `Infinity`: never. */
  readonly until: number;
}

/** Whose status is asked for, beside the certificate itself. */
export interface OcspQuestion {
  /** Who has issued it; that this is so was verified. */
  readonly issuer: Certificate;
  /** Revocation lists in which a responder's own certificate is looked up. Default: none. */
  readonly crls?: CrlSet;
}

interface Failure {
  /** What happened, for the log. */
  readonly failure: string;
  /** Whether others would wait in vain too. An answer that is of no use may be due to the one certificate. */
  readonly isSilence: boolean;
}

type Answer = { readonly bytes: Uint8Array<ArrayBuffer> } | Failure;

const TIMEOUT_MS = 3000;
const MAX_IN_FLIGHT = 16;
/** Certificates that are asked for at a time, most of them waiting. */
const MAX_ASKING = 1000;
const MAX_VERDICTS = 10_000;
const MAX_RESPONDERS = 100;
/** So soon at the earliest is asked again, whatever an answer says, and after one that says nothing. */
const MIN_INTERVAL_MS = 30_000;
const LOG_INTERVAL_MS = 10 * 60_000;

/**
 * Asks the OCSP responders that certificates name (RFC 6960), by HTTP POST: 16 at a time, each for at most 3 s and 64 KiB.
 * Answers are kept until there is something newer, for 10,000 certificates at most.
 *
 * A responder's address comes out of a certificate, so only certificates whose path was validated may be asked about: their
 * authorities then decide whom this program connects to, and callers do not.
 */
export class OcspClient {
  readonly #clock: Pick<Clock, "now">;
  readonly #log: Log;
  readonly #known = new Recent<OcspVerdict>(MAX_VERDICTS);
  readonly #asking = new Map<string, Promise<OcspVerdict>>();
  readonly #waiting: (() => void)[] = [];
  /** Responders that did not answer, and until when they are left alone. */
  readonly #silent = new Recent<Failure & { readonly until: number }>(MAX_RESPONDERS);
  readonly #logged = new Recent<number>(MAX_RESPONDERS);
  #inFlight = 0;

  /** A client that has asked nothing yet. */
  constructor({ clock, log }: { clock: Pick<Clock, "now">; log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** What is known of a certificate, once its responder was asked if need be. Failures are `unknown`, and logged. */
  async statusOf(certificate: Certificate, question: OcspQuestion): Promise<OcspVerdict> {
    const url = responderOf(certificate);
    if (url === null) {
      return { status: "unknown", reason: "the certificate names no OCSP responder", until: Infinity };
    }
    const key = `${certificate.fingerprintSha256} ${question.issuer.spkiSha256Base64}`;
    const known = this.#known.get(key);
    if (known !== undefined && this.#clock.now() < known.until) return known;
    const asking = this.#asking.get(key);
    if (asking !== undefined) return await asking;
    const asked = this.#ask(certificate, { ...question, url }).then((verdict) => withMemory(verdict, known));
    this.#asking.set(key, asked);
    try {
      const verdict = await asked;
      this.#known.set(key, verdict);
      return verdict;
    } finally {
      this.#asking.delete(key);
    }
  }

  async #ask(
    certificate: Certificate,
    { url, ...question }: OcspQuestion & { url: URL },
  ): Promise<OcspVerdict> {
    if (this.#asking.size >= MAX_ASKING) return this.#failure("too many others are asked for", url);
    const request = ocspRequest(certificate, question.issuer);
    const answer = await this.#inTurn(() => this.#exchange(url, request));
    if ("failure" in answer) return this.#failure(answer.failure, url);
    try {
      const now = this.#clock.now();
      const { status, until } = await verifyOcspAnswer(answer.bytes, { certificate, ...question, now });
      if (status === "unknown") return this.#failure("its OCSP responder does not know the certificate", url);
      return { status, reason: null, until: Math.max(until, now + MIN_INTERVAL_MS) };
    } catch (error) {
      if (error instanceof PkiError) return this.#failure(error.message, url);
      throw error;
    }
  }

  /** As {@link post}, but one that was just silent is left alone: of many who wait for it, few wait in vain. */
  async #exchange(url: URL, request: Uint8Array<ArrayBuffer>): Promise<Answer> {
    const silent = this.#silent.get(url.href);
    if (silent !== undefined && this.#clock.now() < silent.until) return silent;
    const answer = await post(url, request);
    if ("failure" in answer && answer.isSilence) {
      this.#silent.set(url.href, { ...answer, until: this.#clock.now() + MIN_INTERVAL_MS });
    }
    return answer;
  }

  #failure(reason: string, { href: url }: URL): OcspVerdict {
    const now = this.#clock.now();
    if (now >= (this.#logged.get(url) ?? -Infinity) + LOG_INTERVAL_MS) {
      this.#logged.set(url, now);
      this.#log.warn("revocation of a client certificate is not known", { url, error: reason });
    }
    return { status: "unknown", reason, until: now + MIN_INTERVAL_MS };
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#inFlight < MAX_IN_FLIGHT) this.#inFlight++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#inFlight--;
      else next();
    }
  }
}

/** The first that can be asked. Answers are signed: HTTPS would need one of them first (RFC 5280 section 8). */
function responderOf({ extensions }: Certificate): URL | null {
  for (const uri of extensions.ocspUris ?? []) {
    const url = URL.parse(uri);
    if (url?.protocol === "http:" && url.username + url.password === "") return url;
  }
  return null;
}

/** What is revoked stays so while nobody says otherwise, or whoever silences the responder could undo it. */
function withMemory(verdict: OcspVerdict, known: OcspVerdict | undefined): OcspVerdict {
  return verdict.status === "unknown" && known?.status === "revoked"
    ? { ...known, until: verdict.until }
    : verdict;
}

async function post(url: URL, body: Uint8Array<ArrayBuffer>): Promise<Answer> {
  // One for each request, so that no connection outlives it: requests are few.
  using client = Deno.createHttpClient({});
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/ocsp-request", accept: "application/ocsp-response" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      client,
    });
    const bytes = await readBody(response, MAX_OCSP_BYTES);
    if (response.status === 200 && bytes !== null) return { bytes };
    const what = bytes === null ? `more than ${MAX_OCSP_BYTES} bytes` : `${response.status}`;
    return { failure: `${url.host} answers ${what}`, isSilence: false };
  } catch (error) {
    return { failure: `${url.host} cannot be asked: ${errorMessage(error)}`, isSilence: true };
  }
}
