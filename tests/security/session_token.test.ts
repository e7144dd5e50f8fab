import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ShiftedClock } from "../_support/shifted_clock.ts";
import type { TestGateway } from "../_support/test_gateway.ts";
import { browse, startWithAnn } from "./_support.ts";

let gateway: TestGateway;
let clock: ShiftedClock;
let token: string;

beforeAll(async () => {
  ({ gateway, clock } = await startWithAnn("cookie_expire: 1h"));
  token = await gateway.token("ann");
});
beforeEach(() => clock.advance(60_000));
afterAll(() => gateway[Symbol.asyncDispose]());

const encode = (value: unknown) =>
  btoa(JSON.stringify(value)).replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");
const decode = (part: string) => JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")));

/** The status of a CONNECT, and of a request for the claims, with this token. */
async function statusesWith(jwt: string): Promise<number[]> {
  const answer = await gateway.connect("closed.test:1", { token: jwt });
  answer.stream.close();
  using browser = browse(gateway);
  const headers = { authorization: `Pomerium ${jwt}` };
  const response = await browser.request(`${gateway.url}/.pomerium/user`, { headers });
  await response.body?.cancel();
  return [answer.status, response.status];
}

describe("a session token", () => {
  it("as it was issued is taken: the service of this route refuses", async () => {
    expect(await statusesWith(token)).toEqual([503, 200]);
  });

  it.each<
    [string, (header: Record<string, unknown>, claims: Record<string, unknown>, mac: string) => string]
  >([
    [
      "without signature, alg none",
      (_h, claims) => `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`,
    ],
    [
      "alg none and the old signature",
      (_h, claims, mac) => `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.${mac}`,
    ],
    ["alg NoNe", (_h, claims) => `${encode({ alg: "NoNe", typ: "JWT" })}.${encode(claims)}.`],
    [
      "with another session id",
      (header, claims, mac) => `${encode(header)}.${encode({ ...claims, jti: "x" })}.${mac}`,
    ],
    [
      "with another user",
      (header, claims, mac) => `${encode(header)}.${encode({ ...claims, sub: "root" })}.${mac}`,
    ],
    [
      "with a longer life",
      (header, claims, mac) => `${encode(header)}.${encode({ ...claims, exp: 9_999_999_999 })}.${mac}`,
    ],
    ["without its signature", (header, claims) => `${encode(header)}.${encode(claims)}.`],
    ["cut in two", (header, claims) => `${encode(header)}.${encode(claims)}`],
    ["signed with an empty key", (header, claims) => signed(header, claims, "")],
    ["signed with a key that is easy to guess", (header, claims) => signed(header, claims, "secret")],
    [
      "with a key of its own in the header",
      (header, claims) => signed({ ...header, jwk: { kty: "oct", k: "c2VjcmV0" } }, claims, "secret"),
    ],
    [
      "with another type",
      (header, claims, mac) => `${encode({ ...header, typ: "at+jwt" })}.${encode(claims)}.${mac}`,
    ],
    ["that is nothing", () => ".."],
  ])("%s is refused", async (_what, forge) => {
    const [header = "", claims = "", mac = ""] = token.split(".");
    expect(await statusesWith(forge(decode(header), decode(claims), mac))).toEqual([401, 401]);
  });

  it("signed with the public key of jwks.json is refused", async () => {
    using browser = browse(gateway);
    const jwks = await (await browser.request(`${gateway.url}/.well-known/pomerium/jwks.json`)).text();
    const [header = "", claims = ""] = token.split(".");
    expect(await statusesWith(signed(decode(header), decode(claims), jwks))).toEqual([401, 401]);
  });

  it("of another gateway, with another secret, is refused", async () => {
    const other = await startWithAnn();
    await using _ = other.gateway;
    expect(await statusesWith(await other.gateway.token("ann"))).toEqual([401, 401]);
  });

  it.each([8193, 20_000, 60_000])("of %i characters is refused", async (length) => {
    expect(await statusesWith(token.padEnd(length, "A"))).toEqual([401, 401]);
  });

  it("of an expired session is refused", async () => {
    clock.advance(3_600_000);
    expect(await statusesWith(token)).toEqual([401, 401]);
  });
});

function signed(header: unknown, claims: unknown, key: string): string {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}
