import { describe, expect, it } from "vitest";
import type { HttpRoute } from "../../../lib/config/http_settings.ts";
import { hopByHop, nominatesReserved } from "../../../lib/http/forward/field_names.ts";
import { requestHeaders } from "../../../lib/http/forward/request_headers.ts";

const HTTP = { removeRequestHeaders: new Set<string>(), passesIdentity: false } as unknown as HttpRoute;
const HYGIENE = {
  normalizesPath: true,
  mergesSlashes: true,
  escapedSlashes: "reject",
  underscores: "allow",
  skipsForwardedFor: false,
  trustedHops: 0,
} as const;

type Options = Parameters<typeof requestHeaders>[0];

function headersOf(received: readonly string[], more: Partial<Options> = {}): string[] {
  const added = /^(?:X-Forwarded-Proto|X-Forwarded-Host|X-Request-Id|Via)$/;
  const headers = requestHeaders({
    received,
    http: HTTP,
    hygiene: HYGIENE,
    cookieName: "_pomerium",
    host: "app.test",
    peer: "192.0.2.7",
    requestId: "r-1",
    via: "2 gateway",
    identityNames: new Set(["x-email"]),
    identity: [],
    set: [],
    ...more,
  });
  return headers.filter((_, i) => !added.test(headers[i - i % 2]!));
}

const FORWARDED = ["X-Forwarded-For", "192.0.2.7"];

describe("requestHeaders()", () => {
  it.each<[string, string[], string[]]>([
    ["order, case and duplicates", ["X-B", "1", "x-a", "2", "X-b", "3"], [
      "X-B",
      "1",
      "x-a",
      "2",
      "X-b",
      "3",
    ]],
    ["credentials of others", ["Authorization", "Bearer x", "Cookie", "a=b"], [
      "Authorization",
      "Bearer x",
      "Cookie",
      "a=b",
    ]],
    ["a cookie with a name like ours", ["Cookie", "_pomeriumx=1; x_pomerium=2"], [
      "Cookie",
      "_pomeriumx=1; x_pomerium=2",
    ]],
    ["TE for trailers", ["TE", "trailers"], ["TE", "trailers"]],
  ])("keeps %s", (_, received, expected) => {
    expect(headersOf(received)).toEqual([...expected, ...FORWARDED]);
  });

  it.each<[string, string[]]>([
    ["our cookie alone", ["Cookie", "_pomerium=x"]],
    ["our cookie with spaces", ["Cookie", "  _pomerium =x ; __Host-_pomerium_authenticate=y"]],
    ["our token in another case", ["AUTHORIZATION", "pomerium x"]],
    ["our bearer token", ["Authorization", "bearer pomerium-x"]],
    ["our own header", ["X-Pomerium-Authorization", "x"]],
    ["the same with underscores", ["X_POMERIUM_AUTHORIZATION", "x"]],
    ["an assertion", ["x-pomerium-jwt-assertion", "x"]],
    ["a claim with underscores", ["x_pomerium_claim_email", "x"]],
    ["a header for claims", ["X-EMAIL", "x"]],
    ["a header for claims with an underscore", ["X_Email", "x"]],
    ["an address with underscores", ["X_Forwarded_For", "1.2.3.4"]],
    ["fields of the connection", [
      "Connection",
      "x-a",
      "X-A",
      "1",
      "Keep-Alive",
      "1",
      "Upgrade",
      "x",
      "TE",
      "gzip",
    ]],
    ["the host, which is told by itself", ["Host", "app.test", "Expect", "100-continue"]],
  ])("leaves out %s", (_, received) => {
    expect(headersOf(received)).toEqual(FORWARDED);
  });

  it("adds the address to those that came, unless it shall not", () => {
    const received = ["X-Forwarded-For", "10.0.0.1", "x-forwarded-for", "10.0.0.2"];
    expect(headersOf(received)).toEqual(["X-Forwarded-For", "10.0.0.1, 10.0.0.2, 192.0.2.7"]);
    const skipping = { hygiene: { ...HYGIENE, skipsForwardedFor: true } };
    expect(headersOf(received, skipping)).toEqual(["X-Forwarded-For", "10.0.0.1, 10.0.0.2"]);
    expect(headersOf([], skipping)).toEqual([]);
  });

  it("sets after it removes", () => {
    const http = { ...HTTP, removeRequestHeaders: new Set(["x-a"]) };
    expect(headersOf(["X-A", "1", "X-B", "2"], { http, set: [["x-b", "3"], ["X-A", "4"]] }))
      .toEqual([...FORWARDED, "x-b", "3", "X-A", "4"]);
  });

  it("hands on the assertion of a service that calls for somebody, where identities are told", () => {
    const http = { ...HTTP, passesIdentity: true };
    const identity = [["X-Pomerium-Jwt-Assertion", "ours"]] as const;
    expect(headersOf(["X-Pomerium-Jwt-Assertion", "theirs"], { http, identity })).toEqual([
      ...FORWARDED,
      ...["X-Pomerium-Jwt-Assertion", "ours", "X-Pomerium-Jwt-Assertion-For", "theirs"],
    ]);
    expect(headersOf(["X-Pomerium-Jwt-Assertion-For", "first"], { http, identity })).toContain("first");
    expect(headersOf(["X-Pomerium-Jwt-Assertion-For", "first"])).not.toContain("first");
  });
});

describe("nominatesReserved()", () => {
  it.each([
    ["keep-alive, Upgrade", false],
    ["close, X-Mine", false],
    ["X-Pomerium-Jwt-Assertion", true],
    ["close,  HOST", true],
    ["x_forwarded_for", true],
    ["content-length", true],
  ])("of %j says %s", (value, expected) => {
    expect(nominatesReserved([["Connection", value]])).toBe(expected);
  });
});

it("hopByHop() reads every Connection", () => {
  const names = hopByHop([["Connection", "a, B"], ["connection", "c"]]);
  expect(["a", "b", "c", "keep-alive"].every((name) => names.has(name))).toBe(true);
});
