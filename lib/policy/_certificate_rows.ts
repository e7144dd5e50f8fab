import { CodecError } from "../codec/codec_error.ts";
import { type NameAttributes, parseNameFilter } from "../codec/name_filter.ts";
import { answer, answersOf } from "./_answers.ts";
import { isRecord, requireKeys, requireSomeTexts, requireText } from "./_data.ts";
import type { CriterionRow } from "./_rows.ts";
import { PolicyError, type PolicyPlace, within } from "./errors.ts";
import type { ClientCertificateFacts, Facts } from "./facts.ts";
import { compileStringMatcher, type Matcher } from "./matchers.ts";

const FILTER_HINT = "write attribute=value, such as O=Example";

type CertificateTest = Matcher<ClientCertificateFacts>;

const CLIENT_CERTIFICATE = answersOf("client-certificate");
const VALID = answer(false, "valid-client-certificate");
const INVALID = answer(true, "invalid-client-certificate");
const REQUIRED = answer(true, "client-certificate-required");

const SHORT_FINGERPRINT = /^[0-9a-f]{64}$/;
const LONG_FINGERPRINT = /^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/;
/** Base64 of 32 bytes, in the one form that they have. */
const SHA256_BASE64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

const KEYS: ReadonlyMap<string, (data: unknown, place: PolicyPlace) => CertificateTest> = new Map([
  ["fingerprint", (data: unknown, place: PolicyPlace) => {
    const wanted = requireForms(data, { place, read: readFingerprint, form: "the SHA-256 of a certificate" });
    return (certificate: ClientCertificateFacts) => wanted.has(certificate.fingerprintSha256);
  }],
  ["spki_hash", (data: unknown, place: PolicyPlace) => {
    const wanted = requireForms(data, { place, read: readSpkiHash, form: "a SHA-256 in base64" });
    return (certificate: ClientCertificateFacts) => wanted.has(certificate.spkiSha256Base64);
  }],
  ["san_dns", nameTest((certificate) => certificate.sanDns)],
  ["san_email", nameTest((certificate) => certificate.sanEmail)],
  ["san_uri", nameTest((certificate) => certificate.sanUri)],
  ["issuer", filterTest((certificate) => certificate.issuer)],
  ["subject", filterTest((certificate) => certificate.subject)],
]);

/** Criteria on the certificate of a TLS client. */
export const CERTIFICATE_ROWS: Readonly<Record<string, CriterionRow>> = {
  client_certificate: {
    compile: ({ data, place }) => {
      const tests = compileTests(data, place);
      return {
        ask: ({ clientCertificate: certificate }) => {
          const isPresented = certificate?.presented ?? false;
          return CLIENT_CERTIFICATE(isPresented && tests.every((test) => test(certificate!)));
        },
        found: certificateFound,
      };
    },
  },
  invalid_client_certificate: {
    compile: () => ({
      // Without the fact nothing was presented: a listener that forgets to state it must not let anyone in.
      ask: ({ clientCertificate: certificate }) => {
        if (certificate === undefined || certificate === null || !certificate.presented) return REQUIRED;
        return certificate.valid ? VALID : INVALID;
      },
      found: certificateFound,
    }),
  },
};

function certificateFound({ clientCertificate }: Facts): unknown {
  return clientCertificate?.presented ? clientCertificate : null;
}

function compileTests(data: unknown, place: PolicyPlace): CertificateTest[] {
  if (!isRecord(data)) {
    const hint = `write an object with any of ${[...KEYS.keys()].join(", ")}`;
    throw new PolicyError("policy/bad-data", "A certificate matcher must be an object", { place, hint });
  }
  requireKeys(data, { place, known: [...KEYS.keys()] });
  return Object.entries(data).map(([key, part]) => KEYS.get(key)!(part, within(place, key)));
}

function nameTest(namesOf: (certificate: ClientCertificateFacts) => readonly string[]) {
  return (data: unknown, place: PolicyPlace): CertificateTest => {
    const matches = compileStringMatcher(data, place);
    return (certificate) => namesOf(certificate).some((name) => matches(name));
  };
}

function filterTest(nameOf: (certificate: ClientCertificateFacts) => NameAttributes) {
  return (data: unknown, place: PolicyPlace): CertificateTest => {
    const text = requireText(data, place);
    // In a policy, what restricts nothing is a mistake.
    if (text === "") {
      throw new PolicyError("policy/bad-data", "This filter is empty", { place, hint: FILTER_HINT });
    }
    try {
      const { matches } = parseNameFilter(text);
      return (certificate) => matches(nameOf(certificate));
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      throw new PolicyError("policy/bad-data", error.message, { place, hint: FILTER_HINT });
    }
  };
}

function requireForms(
  data: unknown,
  options: { place: PolicyPlace; read: (text: string) => string | null; form: string },
): ReadonlySet<string> {
  return new Set(
    requireSomeTexts(data, { place: options.place }).map(({ text, place }) => {
      const value = options.read(text);
      if (value !== null) return value;
      throw new PolicyError("policy/bad-data", `This is not ${options.form}`, {
        place,
        hint: "a fingerprint is 64 lower-case hexadecimal digits or 32 upper-case pairs with colons, " +
          "an spki_hash 44 characters",
      });
    }),
  );
}

function readFingerprint(text: string): string | null {
  if (SHORT_FINGERPRINT.test(text)) return text;
  return LONG_FINGERPRINT.test(text) ? text.replaceAll(":", "").toLowerCase() : null;
}

function readSpkiHash(text: string): string | null {
  return SHA256_BASE64.test(text) ? text : null;
}
