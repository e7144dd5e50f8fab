import type { BearerTokenFormat, TokenIssuer } from "./config.ts";
import { quote } from "./_quote.ts";
import { bad, good, type Parsed, type ValueType } from "./value_type.ts";
import { isMapping, listOf, mapOf, oneOf, text } from "./value_types.ts";

const MAX_CLAIM_HEADERS = 100;
const MAX_ISSUERS = 32;
const MAX_URL_LENGTH = 2048;
/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const CLAIM_PREFIX = "x-pomerium-claim-";

/** How `Authorization: Bearer` is read. */
export const bearerTokenFormat: ValueType<BearerTokenFormat> = oneOf<BearerTokenFormat>({
  default: "default",
  idp_access_token: "idp_access_token",
  idp_identity_token: "idp_identity_token",
  jwt: "jwt",
});

/** How the issuer of an assertion is written. */
export const issuerFormat: ValueType<"hostOnly" | "uri"> = oneOf<"hostOnly" | "uri">({
  hostOnly: "hostOnly",
  uri: "uri",
});

/** Headers and the claims that they tell: a mapping, or claims alone in a list or separated by commas. */
export const claimHeaderNames: ValueType<Readonly<Record<string, string>>> = {
  label: "mapping of headers to claims, or a list of claims",
  unit: null,
  schema: {
    anyOf: [
      { type: "object", additionalProperties: { type: "string" } },
      { type: "array", items: { type: "string" } },
      { type: "string" },
    ],
  },
  parse(value) {
    if (isMapping(value)) {
      const parsed = mapOf(text).parse(value);
      return parsed.ok ? checkHeaders(Object.entries(parsed.value)) : parsed;
    }
    const isCommaList = typeof value === "string";
    const parsed = listOf(text).parse(isCommaList ? value.split(",").map((claim) => claim.trim()) : value);
    if (!parsed.ok) return parsed;
    const claims = parsed.value.filter((claim) => claim !== "");
    return checkHeaders(claims.map((claim) => [`${CLAIM_PREFIX}${claim}`, claim]));
  },
};

/** Others whose tokens are taken, by name. */
export const tokenIssuers: ValueType<readonly TokenIssuer[]> = {
  label: "mapping of names to issuers",
  unit: null,
  schema: {
    type: "object",
    additionalProperties: {
      type: "object",
      properties: {
        issuer: { type: "string" },
        jwks_url: { type: "string" },
        supported_algs: { type: "array", items: { enum: ["RS256", "ES256", "EdDSA"] } },
        audiences: { type: "array", items: { type: "string" }, minItems: 1 },
      },
      required: ["issuer", "audiences"],
      additionalProperties: false,
    },
  },
  parse(value) {
    if (!isMapping(value)) {
      return badValue("must be a mapping of names to issuers", "as in name: {issuer: …}");
    }
    const entries = Object.entries(value);
    if (entries.length > MAX_ISSUERS) return badValue(`must not name more than ${MAX_ISSUERS} issuers`);
    const issuers: TokenIssuer[] = [];
    for (const [name, entry] of entries) {
      const parsed = parseIssuer(name, entry);
      if (!parsed.ok) return { ok: false, fault: { ...parsed.fault, path: [name, ...parsed.fault.path] } };
      issuers.push(parsed.value);
    }
    return good(issuers);
  },
};

const algorithms = listOf(oneOf({ RS256: "RS256", ES256: "ES256", EdDSA: "EdDSA" } as const));

function parseIssuer(name: string, entry: unknown): Parsed<TokenIssuer> {
  if (!isMapping(entry)) return badValue("must be a mapping with issuer and audiences");
  const { issuer, jwks_url: jwksUrl = null, supported_algs: algs, audiences, ...others } = entry;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) return badValue(`must have no key ${quote(unknown)}`);
  if (typeof issuer !== "string" || !isHttps(issuer)) {
    return at("issuer", "must have an issuer: an https URL");
  }
  if (jwksUrl !== null && (typeof jwksUrl !== "string" || !isHttps(jwksUrl))) {
    return at("jwks_url", "must have an https URL as jwks_url");
  }
  const wanted = listOf(text).parse(audiences ?? []);
  if (!wanted.ok || wanted.value.length === 0 || wanted.value.includes("")) {
    return at("audiences", "must have audiences: without them, tokens for anybody else would be taken");
  }
  const allowed = algorithms.parse(algs ?? ["RS256", "ES256", "EdDSA"]);
  if (!allowed.ok || allowed.value.length === 0) {
    return at("supported_algs", "must have as supported_algs a list of RS256, ES256 and EdDSA");
  }
  return good({ name, issuer, jwksUrl, algorithms: allowed.value, audiences: wanted.value });
}

function checkHeaders(entries: readonly (readonly [string, string])[]): Parsed<Record<string, string>> {
  if (entries.length > MAX_CLAIM_HEADERS) {
    return badValue(`must not name more than ${MAX_CLAIM_HEADERS} headers`);
  }
  const wrong = entries.find(([header, claim]) => !TOKEN.test(header) || claim === "");
  if (wrong === undefined) return good(Object.fromEntries(entries));
  return badValue(
    `must name headers: ${quote(wrong[0])} is none`,
    "name the header for this claim, as in {X-My-Claim: https://example.com/claim}",
  );
}

function isHttps(value: string): boolean {
  const url = value.length > MAX_URL_LENGTH ? null : URL.parse(value);
  return url?.protocol === "https:" && url.username === "" && url.password === "" && url.hash === "";
}

function at<T>(key: string, message: string): Parsed<T> {
  return bad({ code: "config/bad-value", message, path: [key] });
}

function badValue<T>(message: string, hint?: string): Parsed<T> {
  return bad({ code: "config/bad-value", message, hint });
}
