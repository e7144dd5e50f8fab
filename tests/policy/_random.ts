import fc from "fast-check";
import type { Facts } from "../../lib/policy/facts.ts";
import { ann, anonymous } from "./_support.ts";

const criterion = fc.constantFrom(
  { accept: true },
  { reject: true },
  { email: "ann@example.com" },
  { domain: { not: "example.com" } },
  { groups: "ops" },
  { "claim/level": 3 },
  { source_ip: "10.0.0.0/8" },
  { device: { approved: true } },
  { invalid_client_certificate: true },
  { http_method: { in: ["GET", "HEAD"] } },
  { day_of_week: "mon-fri" },
);
const { part } = fc.letrec((tie) => ({
  part: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    criterion,
    fc.tuple(
      fc.constantFrom("all_of", "any_of", "none_of"),
      fc.array(tie("part"), { minLength: 1, maxLength: 3 }),
    ).map(([operator, parts]) => ({ [operator]: parts })),
  ),
}));
const list = fc.array(part, { maxLength: 3 });
const body = fc.record({ and: list, or: list, not: list, nor: list }, { requiredKeys: [] });

/** A policy, parts of which are nested. */
export const anyPolicy: fc.Arbitrary<unknown> = fc.array(
  fc.record({ allow: body, deny: body }, { requiredKeys: [] }),
  { minLength: 1, maxLength: 3 },
);

const session = fc.record({
  sessionId: fc.constant("s-1"),
  userId: fc.constant("u-ann"),
  email: fc.constantFrom("ann@example.com", "bob@example.com", "eve@example.org"),
  groups: fc.constantFrom([], ["ops"]),
  claims: fc.constantFrom({}, { level: 3 }),
});
const nothing: Facts = anonymous;

/** A request, with or without session, device, certificate and HTTP. */
export const anyFacts: fc.Arbitrary<Facts> = fc.record({
  routeId: fc.constant(nothing.routeId),
  now: fc.constantFrom(Date.parse("2026-06-01T12:00:00Z"), Date.parse("2026-06-06T12:00:00Z")),
  sourceIp: fc.constantFrom("10.1.2.3", "192.0.2.7", null),
  session: fc.oneof(session, session, fc.constantFrom(null, ann)),
  device: fc.constantFrom(null, { id: "d", type: "any", approved: true }, {
    id: "d",
    type: "any",
    approved: false,
  }),
  clientCertificate: fc.constantFrom(true, true, false, null).map((valid) =>
    valid === null ? null : {
      presented: true,
      valid,
      fingerprintSha256: "",
      spkiSha256Base64: "",
      sanDns: [],
      sanEmail: [],
      sanUri: [],
      issuer: {},
      subject: {},
    }
  ),
  http: fc.constantFrom(null, { method: "GET", path: "/", origin: null, accessControlRequestMethod: null }),
});
