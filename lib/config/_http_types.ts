import { RegexError } from "../base/regex/regex_error.ts";
import { compileRegex } from "../base/regex/regex.ts";
import { caught } from "./_caught.ts";
import { parseTemplate } from "./_header_template.ts";
import type { HeaderTemplate, RouteRedirect } from "./http_settings.ts";
import { quote } from "./_quote.ts";
import { bad, good, type Parsed, type ValueType } from "./value_type.ts";
import { isMapping, listOf, mapping, textAs } from "./value_types.ts";

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** A character that a header value cannot have (RFC 9110 section 5.5), or that is not Latin-1. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
/** They concern one connection, or say where a message ends: the gateway's business. */
const FRAMING: ReadonlySet<string> = new Set([
  ...["connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);
/** What a path may be made of (RFC 3986 section 3.3). */
const PATH = /^\/[!$&-;=@-Z_a-z~%]*$/;
const MAX_VALUE_LENGTH = 8192;

/** The name of a header that a configuration may set, remove or rewrite. */
export const headerName: ValueType<string> = textAs("header name", (text) => {
  if (!NAME.test(text)) return badValue(`must be the name of a header: found ${quote(text)}`);
  const isFraming = FRAMING.has(text.toLowerCase());
  return isFraming ? badValue(`cannot be ${text.toLowerCase()}: the gateway sets it itself`) : good(text);
});

/** The value of a header. */
export const headerValue: ValueType<string> = textAs("header value", (text) => {
  const isGood = !NO_VALUE.test(text) && text.length <= MAX_VALUE_LENGTH;
  return isGood ? good(text) : badValue("cannot have line breaks, control or non-Latin characters");
});

/** The value of a header with tokens. */
export const headerTemplate: ValueType<HeaderTemplate> = textAs("header value", (text) => {
  const value = headerValue.parse(text);
  return value.ok ? parseTemplate(value.value) : value;
});

/** Names of headers and values of one type. */
export function headerMap<T>(item: ValueType<T>): ValueType<readonly (readonly [string, T])[]> {
  return {
    ...mapping("mapping from headers", { additionalProperties: item.schema }),
    parse(value) {
      if (!isMapping(value)) return bad({ code: "config/wrong-type", message: "must be a mapping" });
      const entries: [string, T][] = [];
      for (const [name, text] of Object.entries(value)) {
        const key = headerName.parse(name);
        const parsed = key.ok ? item.parse(text) : key;
        if (!parsed.ok) return { ok: false, fault: { ...parsed.fault, path: [name, ...parsed.fault.path] } };
        entries.push([name, parsed.value as T]);
      }
      return good(entries);
    },
  };
}

/** A path that requests have, or begin with. */
export const pathText: ValueType<string> = textAs("path", (text) => {
  if (PATH.test(text) && text.length <= 4096) return good(text);
  return badValue(`must be a path without query: found ${quote(text)}`, "begin it with /");
});

/** A regular expression for a whole path. */
export const pathPattern: ValueType<(path: string) => boolean> = textAs("regular expression", (text) => {
  const matches = caught(() => compileRegex(text, { maxTextLength: MAX_VALUE_LENGTH }), RegexError);
  return matches instanceof RegexError ? badValue(matches.message, matches.hint) : good(matches);
});

/** What stands in `Host`. */
export const hostText: ValueType<string> = textAs("host", (text) => {
  const isHost = /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(text);
  return isHost ? good(text) : badValue(`must be a host: found ${quote(text)}`);
});

/** The name of a protocol that a request can go over to. */
export const upgradeName: ValueType<string> = textAs("protocol", (text) => {
  const name = text.toLowerCase();
  const isGood = /^[a-z0-9][a-z0-9./-]{0,39}$/.test(name) && !/^(?:h2c?|tls\/|connect)/.test(name);
  return isGood ? good(name) : badValue(`must be a protocol such as websocket: found ${quote(text)}`);
});

/** `redirect` of a route. */
export const redirect: ValueType<RouteRedirect> = {
  ...mapping("redirect", { additionalProperties: true }),
  parse(value) {
    if (!isMapping(value)) return bad({ code: "config/wrong-type", message: "must be a mapping" });
    const unknown = Object.keys(value).find((key) => !REDIRECT_KEYS.has(key));
    if (unknown !== undefined) return badValue(`has an unknown key ${quote(unknown)}`);
    const { scheme_redirect: scheme = value.https_redirect === true ? "https" : null } = value;
    const { host_redirect: host = null, port_redirect: port = null, response_code: status = 301 } = value;
    const { path_redirect: whole, prefix_rewrite: prefix, strip_query: strip = false } = value;
    if (scheme !== null && scheme !== "http" && scheme !== "https") {
      return badValue("must have http or https as its scheme_redirect");
    }
    if (host !== null && !hostText.parse(host).ok) return badValue("must have a host as its host_redirect");
    if (port !== null && !(Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65535)) {
      return badValue("must have a port as its port_redirect");
    }
    if (whole !== undefined && prefix !== undefined) {
      return badValue("cannot have both path_redirect and prefix_rewrite");
    }
    const text = whole ?? prefix;
    if (text !== undefined && !pathText.parse(text).ok) return badValue("must have a path to lead to");
    if (![301, 302, 303, 307, 308].includes(Number(status))) {
      return badValue("must have 301, 302, 303, 307 or 308 as its response_code");
    }
    if (typeof strip !== "boolean") return badValue("must have true or false as its strip_query");
    return good({
      scheme,
      host: host as string | null,
      port: port as number | null,
      path: text === undefined
        ? null
        : { kind: whole === undefined ? "prefix" : "whole", text: String(text) } as const,
      status: status as RouteRedirect["status"],
      stripsQuery: strip,
    });
  },
};

const REDIRECT_KEYS: ReadonlySet<string> = new Set([
  ...["https_redirect", "scheme_redirect", "host_redirect", "port_redirect"],
  ...["path_redirect", "prefix_rewrite", "response_code", "strip_query"],
]);

/** `response` of a route. */
export const response: ValueType<{ readonly status: number; readonly body: string }> = {
  ...mapping("response", { additionalProperties: true }),
  parse(value) {
    if (!isMapping(value)) return bad({ code: "config/wrong-type", message: "must be a mapping" });
    const { status = 200, body = "", ...others } = value;
    if (Object.keys(others).length > 0) {
      return badValue(`has an unknown key ${quote(Object.keys(others)[0]!)}`);
    }
    if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) {
      return badValue("must have a status from 200 to 599");
    }
    if (typeof body !== "string") return badValue("must have a text as its body");
    return good({ status: Number(status), body });
  },
};

/** `rewrite_response_headers` of a route. */
export const responseRewrites = listOf<{ header: string; prefix: string; value: string }>({
  ...mapping("{header, prefix, value}", { additionalProperties: true }),
  parse(value) {
    if (!isMapping(value)) return bad({ code: "config/wrong-type", message: "must be a mapping" });
    const header = headerName.parse(value.header);
    const text = headerValue.parse(value.value ?? "");
    const prefix = headerValue.parse(value.prefix ?? "");
    if (!header.ok || !text.ok || !prefix.ok) {
      return badValue("must have a header name as its header, and texts as its prefix and value");
    }
    return good({ header: header.value.toLowerCase(), prefix: prefix.value, value: text.value });
  },
});

function badValue<T>(message: string, hint?: string): Parsed<T> {
  return bad({ code: "config/bad-value", message, hint });
}
