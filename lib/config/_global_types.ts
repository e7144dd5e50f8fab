import { AuthorityError, parseHost } from "../base/authority.ts";
import { decodeBase64, fromUtf8 } from "../base/bytes.ts";
import { isLoopbackIp, parseIp } from "../base/ip.ts";
import { nearestWord } from "../base/nearest.ts";
import { type IdpName, needsProviderUrl } from "./idp_names.ts";
import { describe, quote } from "./_quote.ts";
import { bad, good, type Parsed, type ValueType } from "./value_type.ts";
import { isMapping, mapOf, text as textType, textAs } from "./value_types.ts";

const MAX_URL_LENGTH = 2048;
const MIN_SECRET_BYTES = 32;
const MAX_SECRET_BYTES = 1024;
const PROVIDERS = ["local", ...Object.keys(needsProviderUrl)];
/** What the authorization request itself is made of (RFC 6749, RFC 7636, OpenID Connect Core 1.0 section 3.1.2.1). */
const RESERVED_PARAMETERS = [
  "client_id",
  "code_challenge",
  "code_challenge_method",
  "nonce",
  "redirect_uri",
  "request",
  "request_uri",
  "response_type",
  "scope",
  "state",
];
/** A hosted sign-in service that many existing files name, and that serves another kind of gateway only. */
const HOSTED_SIGN_IN = "authenticate.pomerium.app";

/** `host:port` or `:port`, as a listener takes it. */
export const address: ValueType<{ readonly hostname: string; readonly port: number }> = textAs(
  "host:port",
  (text) => {
    const colon = text.lastIndexOf(":");
    const digits = text.slice(colon + 1);
    const port = colon >= 0 && /^\d{1,5}$/.test(digits) ? Number(digits) : 65536;
    const hostname = colon > 0 ? hostOf(text.slice(0, colon)) : "";
    if (port <= 65535 && hostname !== null) return good({ hostname, port });
    return badValue(`must be host:port or :port: found ${quote(text)}`, "as in :443 or 127.0.0.1:8443");
  },
);

/** The name of a cookie (RFC 6265 section 4.1.1). */
export const cookieName: ValueType<string> = textAs("cookie name", (text) => {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(text)) return good(text);
  return badValue(`must be 1 to 64 of the characters that a cookie name may have: found ${quote(text)}`);
});

/** A domain name; a leading dot is dropped (RFC 6265 section 5.2.3). */
export const domain: ValueType<string> = textAs("domain", (text) => {
  const host = hostOf(text.replace(/^\./, ""));
  return host === null ? badValue(`must be a domain name: found ${quote(text)}`) : good(host);
});

/** A URL of which only the origin counts. */
export const httpsOrigin: ValueType<string> = textAs("https URL", (text) => {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:" || url.host === "") {
    return badValue(`must be an https URL: found ${quote(text)}`, "as in https://auth.example.com");
  }
  if (
    url.username !== "" || url.password !== "" || url.pathname !== "/" || url.search !== "" || url.hash !== ""
  ) {
    return badValue("must be an https URL with nothing after the host", `write ${url.origin}`);
  }
  if (url.hostname === HOSTED_SIGN_IN) {
    return bad({
      code: "config/unsupported-value",
      message: `cannot be ${url.hostname}, which does not know this gateway`,
      hint: "leave the key out: this gateway signs people in itself",
    });
  }
  return good(url.origin);
});

/** An address to send a browser to: `https`, or `http` to a loopback address. */
export const pageUrl: ValueType<string> = textAs("https URL", (text) => {
  const url = URL.parse(text);
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url === null || !isSafe || text.length > MAX_URL_LENGTH) {
    const hint = "as in https://www.example.com/goodbye; http:// leads to this machine only";
    return badValue(`must be an https URL of at most ${MAX_URL_LENGTH} characters`, hint);
  }
  if (url.username === "" && url.password === "") return good(url.href);
  return badValue("must be a URL without user information", "remove what stands before the @");
});

/** A value of which only some can be had. @param type how it is read; @param refused why not, for each that cannot */
export function limited<T extends string | number | boolean>(
  type: ValueType<T>,
  refused: (value: T) => { readonly message: string; readonly hint: string } | null,
): ValueType<T> {
  return {
    ...type,
    parse(value) {
      const parsed = type.parse(value);
      const fault = parsed.ok ? refused(parsed.value) : null;
      return fault === null ? parsed : bad({ code: "config/unsupported-value", ...fault });
    },
  };
}

/** A whole number from 0 to 2^31-1. */
export const count: ValueType<number> = {
  label: "number",
  unit: null,
  schema: { type: "integer", minimum: 0 },
  parse(value) {
    const number = typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number < 2 ** 31) {
      return good(number);
    }
    return bad({ code: "config/wrong-type", message: `must be a whole number: found ${describe(value)}` });
  },
};

/** The kind of identity provider. */
export const provider: ValueType<"local" | IdpName> = {
  ...textAs(PROVIDERS.join(", "), (text) => {
    if (text === "local" || isIdpName(text)) return good(text);
    if (text === "hosted") {
      return bad({
        code: "config/unsupported-value",
        message: "cannot be hosted: that sign-in service does not know this gateway",
        hint: "name the provider that it stands for, or leave the key out",
      });
    }
    const nearest = nearestWord(text, PROVIDERS);
    return badValue(
      `must be one of ${PROVIDERS.join(", ")}: found ${quote(text)}`,
      nearest === null ? undefined : `did you mean ${nearest}?`,
    );
  }),
  schema: { type: "string", enum: PROVIDERS },
};

/** The address of an identity provider, as it writes it itself. */
export const issuerUrl: ValueType<string> = textAs("https URL", (text) => {
  const url = URL.parse(text);
  const isPlain = url?.protocol === "https:" && url.host !== "" && url.username === "" &&
    url.password === "" && url.search === "" && url.hash === "" && text.length <= MAX_URL_LENGTH;
  if (isPlain) return good(text);
  return badValue(
    `must be an https URL of at most ${MAX_URL_LENGTH} characters without query and user information`,
    "as in https://id.example.com/realms/staff",
  );
});

/** A text that is not empty. */
export const someText: ValueType<string> = textAs("text", (text) => {
  return text.trim() === "" ? badValue("must not be empty") : good(text.trim());
});

const parameters = mapOf(textType);

/** Parameters of the address that people are sent to for signing in. */
export const requestParameters: ValueType<Readonly<Record<string, string>>> = {
  ...parameters,
  parse(value) {
    const parsed = parameters.parse(value);
    if (!parsed.ok) return parsed;
    const reserved = RESERVED_PARAMETERS.find((name) => Object.hasOwn(parsed.value, name));
    if (reserved === undefined) return parsed;
    return bad({ code: "config/bad-value", message: `cannot set ${reserved}, which the gateway sets` });
  },
};

/** Text that stands in the file as base64, such as PEM. */
export const base64Text: ValueType<string> = textAs("base64 of PEM", (text) => {
  const bytes = decodeBase64(text.replace(/\s+/g, ""));
  try {
    if (bytes !== null) return good(fromUtf8(bytes));
  } catch {
    // Not text: said below.
  }
  return badValue("must be base64 of a PEM text", "or name the file with the key that ends in _file");
});

/** Key material of 32 to 1024 bytes in base64. */
export const secretBytes: ValueType<Uint8Array<ArrayBuffer>> = textAs("base64", readSecret);

/** Reads key material; white space in and around it does not count. The message never holds any of it. */
export function readSecret(text: string): Parsed<Uint8Array<ArrayBuffer>> {
  const bytes = decodeBase64(text.replace(/\s+/g, ""));
  if (bytes !== null && bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES) {
    return good(bytes);
  }
  return badValue(
    `must be base64 of ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES} bytes`,
    "make one with: head -c32 /dev/urandom | base64",
  );
}

/** The files of one certificate and its key. */
export const certificateFiles: ValueType<{ readonly cert: string; readonly key: string }> = {
  label: "cert and key",
  unit: null,
  schema: {
    type: "object",
    properties: { cert: { type: "string" }, key: { type: "string" } },
    required: ["cert", "key"],
    additionalProperties: false,
  },
  parse(value) {
    if (isMapping(value)) {
      const { cert, key, ...others } = value;
      if (typeof cert === "string" && typeof key === "string" && Object.keys(others).length === 0) {
        return good({ cert, key });
      }
    }
    const found = isMapping(value) ? "other keys" : describe(value);
    return bad({
      code: "config/wrong-type",
      message: `must be a list of mappings with the keys cert and key, each naming a file: found ${found}`,
    });
  },
};

function isIdpName(text: string): text is IdpName {
  return Object.hasOwn(needsProviderUrl, text);
}

function badValue<T>(message: string, hint?: string): Parsed<T> {
  return bad({ code: "config/bad-value", message, hint });
}

function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname === "[::1]") return true;
  const ip = parseIp(hostname);
  return ip !== null && isLoopbackIp(ip);
}

function hostOf(text: string): string | null {
  try {
    return parseHost(text);
  } catch (error) {
    if (error instanceof AuthorityError) return null;
    throw error;
  }
}
