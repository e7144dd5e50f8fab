import type { RawHeaders } from "../exchange.ts";
import { fieldPairs } from "../raw_headers.ts";
import { type Field, hopByHop, plainName } from "./field_names.ts";

/**
 * What nobody may say after a message: how it is framed, where it goes, who sends it, what its content is (RFC 9110 section
 * 6.5.1). Whoever puts trailers and headers together would believe it.
 */
const NEVER_TRAILING =
  /^(?:host|te|trailer|expect|max-forwards|range|cache-control|pragma|vary|location|alt-svc|strict-transport-security|content-.*|if-.*|(?:set-)?cookie2?|.*authorization|.*-authenticate|forwarded|via|origin|x-forwarded-.*|x-real-ip|x-request-id|x-pomerium-.*)$/;

/**
 * The trailers that go on, either way.
 *
 * @param options `also`: further names that do not, in lower case and with `-` for `_`
 */
export function trailersOf(received: RawHeaders, { also }: { also?: ReadonlySet<string> } = {}): string[] {
  const fields: Field[] = fieldPairs(received);
  const dropped = hopByHop(fields);
  return fields.filter(([name]) => {
    const plain = plainName(name);
    return !dropped.has(plain) && !NEVER_TRAILING.test(plain) && !also?.has(plain);
  }).flat();
}
