/** Fields of the line that the access log writes when a request or a tunnel ends, unless others are configured. */
export const defaultAccessLogFields: readonly string[] = [
  "upstream-cluster",
  "method",
  "authority",
  "path",
  "user-agent",
  "referer",
  "forwarded-for",
  "request-id",
  "duration",
  "size",
  "response-code",
  "response-code-details",
];

/** Fields that are only written when they are configured; `headers.NAME` is one more for every header. */
export const optionalAccessLogFields: readonly string[] = [
  "client-certificate",
  "cluster-stat-name",
  "ip",
  "query",
];

/** Whether `name` is a field of the access log. */
export function isAccessLogField(name: string): boolean {
  return defaultAccessLogFields.includes(name) || optionalAccessLogFields.includes(name) ||
    /^headers\.[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name);
}
