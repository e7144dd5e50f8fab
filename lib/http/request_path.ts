import type { HttpHygiene } from "../config/http_settings.ts";

/** A request target that means one thing to everyone. */
export interface CleanTarget {
  /** Beginning with `/`: these characters are matched, decided on and forwarded. */
  readonly path: string;
  /** With its `?`; empty when there is none. */
  readonly query: string;
}

/** What to do with a request target; `fault` says why it is refused. */
export type TargetVerdict =
  | CleanTarget & { readonly kind: "clean" }
  /** Slashes were escaped: the client is to ask again without. */
  | CleanTarget & { readonly kind: "redirect" }
  | { readonly kind: "refused"; readonly fault: string };

/** No path that is longer is matched. */
const MAX_PATH_LENGTH = 8192;
/** `%` and two digits, or any character of a path (RFC 3986 section 3.3) and a few that browsers send as they are. */
const PATH = /^(?:%[0-9A-Fa-f]{2}|[!$&-;=@-Z_a-z~"^`{|}[\]<>])*$/;
const CONTROL = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
const ESCAPED_SLASH = /%(?:2[Ff]|5[Cc])/;
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** A dot segment, alone or with parameters, which some services drop before they look at it. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?=[;/]|$)/;

/**
 * Brings the target of a request into one form, so that the gateway and the service cannot take it for different paths, or
 * refuses it (RFC 3986 section 6.2.2).
 *
 * @param target path and query as they came
 */
export function cleanTarget(target: string, rules: HttpHygiene): TargetVerdict {
  const mark = target.indexOf("?");
  const [raw, query] = mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark)];
  if (!raw.startsWith("/")) return refused("it does not begin with /");
  if (raw.length > MAX_PATH_LENGTH) return refused("it is too long");
  if (!PATH.test(raw)) return refused("it has a character that is none of a path");
  if (!/^[\x21-\x7e]*$/.test(query)) return refused("its query has a character that is none of one");
  if (CONTROL.test(raw)) return refused("it has an escaped control character");
  const hasEscapedSlash = ESCAPED_SLASH.test(raw);
  if (hasEscapedSlash && rules.escapedSlashes === "reject") return refused("it has an escaped slash");
  const unescapes = rules.escapedSlashes === "redirect" || rules.escapedSlashes === "forward";
  const path = normalized(unescapes ? raw.replace(/%(?:2[Ff]|5[Cc])/g, "/") : raw, rules);
  if (path === null) return refused("it has dot segments that lead nowhere");
  const isRedirect = hasEscapedSlash && rules.escapedSlashes === "redirect";
  return { kind: isRedirect ? "redirect" : "clean", path, query };
}

/** @returns `null` for a path that is to be refused */
function normalized(raw: string, rules: HttpHygiene): string | null {
  const plain = raw.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(parseInt(escape.slice(1), 16));
    return UNRESERVED.test(char) ? char : escape.toUpperCase();
  });
  if (!rules.normalizesPath) return DOT_SEGMENT.test(plain) ? null : merged(raw, rules);
  const segments: string[] = [];
  const all = plain.slice(1).split("/");
  for (const [index, segment] of all.entries()) {
    const isLast = index === all.length - 1;
    if (segment === "..") {
      if (segments.pop() === undefined) return null;
      if (isLast) segments.push("");
    } else if (segment === ".") {
      if (isLast) segments.push("");
    } else if (DOT_SEGMENT.test(segment)) return null;
    else segments.push(segment);
  }
  return merged(`/${segments.join("/")}`, rules);
}

function merged(path: string, { mergesSlashes }: HttpHygiene): string {
  return mergesSlashes ? path.replace(/\/{2,}/g, "/") : path;
}

function refused(fault: string): TargetVerdict {
  return { kind: "refused", fault };
}
