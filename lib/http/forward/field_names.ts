/** A header field. */
export type Field = readonly [name: string, value: string];

const CONNECTION = "connection";
/** Fields that concern one connection (RFC 9110 section 7.6.1), and those of the proxy itself. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"],
  ...["http2-settings", "proxy-authenticate", "proxy-authorization", "proxy-authentication-info"],
]);
/** What `Connection` may name without harm, beside fields that nobody else looks at. */
const NEVER_NOMINATED =
  /^(?:host|content-length|transfer-encoding|cookie|authorization|origin|forwarded|x-real-ip|x-request-id|x-forwarded-.*|x-pomerium-.*)$/;

/** The name of a field as a service may take it: in lower case, `_` for `-` as in CGI variables (RFC 3875 section 4.1.18). */
export function plainName(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** The fields that end at this connection: those of every connection, and those that `Connection` names. */
export function hopByHop(fields: Iterable<Field>): ReadonlySet<string> {
  let names: Set<string> | null = null;
  for (const [name, value] of fields) {
    if (name.length !== CONNECTION.length || name.toLowerCase() !== CONNECTION) continue;
    names ??= new Set(HOP_BY_HOP);
    for (const option of value.split(",")) names.add(option.trim().toLowerCase());
  }
  return names ?? HOP_BY_HOP;
}

/** Whether `Connection` names a field that something depends on: a service behind would then not get it. */
export function nominatesReserved(fields: Iterable<Field>): boolean {
  const names = hopByHop(fields);
  return names !== HOP_BY_HOP &&
    [...names].some((name) => !HOP_BY_HOP.has(name) && NEVER_NOMINATED.test(plainName(name)));
}
