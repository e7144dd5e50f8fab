import { createHmac, hkdfSync } from "node:crypto";
import { SignJWT } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import { encodeBase64Url, utf8 } from "../../lib/base/bytes.ts";
import { type SessionTokenClaims, SessionTokens } from "../../lib/identity/session_token.ts";
import { FakeClock, keys, NOW, strangersKeys } from "./_fakes.ts";

const CLAIMS: SessionTokenClaims = {
  issuer: "gateway.example.com",
  userId: "user-1",
  audience: ["gateway.example.com", "app.example.com:8443"],
  sessionId: "session-1",
  providerId: "local",
  issuedAt: NOW,
  expiresAt: NOW + 3_600_000,
};

let clock: FakeClock;
let tokens: SessionTokens;
let token: string;
beforeEach(async () => {
  clock = new FakeClock();
  tokens = new SessionTokens({ key: keys.sessionToken, clock });
  token = await tokens.issue(CLAIMS);
});

const json = (value: unknown) => encodeBase64Url(utf8(JSON.stringify(value)));
const decoded = (part: string | undefined) =>
  JSON.parse(atob(part!.replaceAll("-", "+").replaceAll("_", "/")));

/** A token with the right key, whose claims and header are otherwise as given. */
function signed(
  overrides: Record<string, unknown>,
  options: { header?: object; key?: CryptoKey } = {},
): Promise<string> {
  const payload = { ...decoded(token.split(".")[1]), ...overrides };
  const header = { alg: "HS256", typ: "JWT", ...options.header };
  return new SignJWT(payload).setProtectedHeader(header).sign(options.key ?? keys.sessionToken);
}

describe("SessionTokens.issue()", () => {
  it("makes a compact JWS with the header and claims that clients know", () => {
    const [header, payload, signature] = token.split(".");
    expect(decoded(header)).toEqual({ alg: "HS256", typ: "JWT" });
    expect(decoded(payload)).toEqual({
      iss: "gateway.example.com",
      sub: "user-1",
      aud: ["gateway.example.com", "app.example.com:8443"],
      iat: NOW / 1000,
      exp: NOW / 1000 + 3600,
      jti: "session-1",
      idp_id: "local",
    });
    expect(signature).toMatch(/^[\w-]{43}$/);
  });

  it("cuts times to whole seconds, so that no token outlives its session", async () => {
    const odd = await tokens.issue({ ...CLAIMS, issuedAt: NOW + 999, expiresAt: NOW + 5999 });
    expect(decoded(odd.split(".")[1])).toMatchObject({ iat: NOW / 1000, exp: NOW / 1000 + 5 });
  });
});

describe("SessionTokens.verify()", () => {
  it("reads what was issued", async () => {
    expect(await tokens.verify(token)).toEqual(CLAIMS);
  });

  it("reads what another program signs with the same key", async () => {
    expect(await tokens.verify(signedRaw(HEADER))).toEqual(CLAIMS);
  });

  it("honours exp to the second, without leeway", async () => {
    clock.advance(3_599_999);
    await expect(tokens.verify(token)).resolves.toMatchObject({ sessionId: "session-1" });
    clock.advance(1);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "identity/token-expired" });
  });

  it("asks for both times of a token again that it has verified before", async () => {
    await tokens.verify(token);
    clock.advance(-61_000);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "identity/token-invalid" });
    clock.advance(61_000 + 3_600_000);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "identity/token-expired" });
  });

  it("knows a token by every character of it", async () => {
    await tokens.verify(token);
    const [header, payload, signature] = token.split(".");
    const other = `${header}.${payload}.${signature!.slice(0, -2)}AA`;
    await expect(tokens.verify(other)).rejects.toMatchObject({ code: "identity/token-invalid" });
  });

  it("allows a minute between the clocks of two gateways, and no more", async () => {
    const minute = await signed({ iat: NOW / 1000 + 60 });
    await expect(tokens.verify(minute)).resolves.toMatchObject({ sessionId: "session-1" });
  });

  it.each<[string, () => string | Promise<string>]>([
    ["empty", () => ""],
    ["not a JWT", () => "hello"],
    ["dots only", () => ".."],
    ["longer than any token", () => signed({ padding: "x".repeat(8192) })],
    ["cut off", () => token.slice(0, -1)],
    ["followed by something", () => token + ".x"],
    ["forged: signed with another secret", () => signed({}, { key: strangersKeys.sessionToken })],
    ["forged: signed with the key for URLs", () => signed({}, { key: keys.urlSigning })],
    ["forged: signed with the key for forms", () => signed({}, { key: keys.csrf })],
    ["alg none without signature", () => `${json({ alg: "none", typ: "JWT" })}.${token.split(".")[1]}.`],
    ["alg none with the old signature", () => `${json({ alg: "none", typ: "JWT" })}.${rest(token)}`],
    ["alg nOnE", () => `${json({ alg: "nOnE", typ: "JWT" })}.${token.split(".")[1]}.`],
    ["alg HS512 in name only", () => `${json({ alg: "HS512", typ: "JWT" })}.${rest(token)}`],
    ["alg RS256 in name only", () => `${json({ alg: "RS256", typ: "JWT" })}.${rest(token)}`],
    ["no alg", () => `${json({ typ: "JWT" })}.${rest(token)}`],
    ["tampered: another user under the old signature", () => {
      const [header, payload, signature] = token.split(".");
      return `${header}.${json({ ...decoded(payload), sub: "user-2" })}.${signature}`;
    }],
    ["tampered: a bit of the signature", () => {
      const [header, payload, signature] = token.split(".");
      return `${header}.${payload}.${signature!.startsWith("A") ? "B" : "A"}${signature!.slice(1)}`;
    }],
    ["of another type", () => signed({}, { header: { typ: "logout+jwt" } })],
    ["rightly signed with HS512", () => signedRaw({ alg: "HS512", typ: "JWT" })],
    [
      "rightly signed, with a critical header nobody knows",
      () => signedRaw({ ...HEADER, crit: ["x"], x: 1 }),
    ],
    ["rightly signed, without alg", () => signedRaw({ typ: "JWT" })],
    ["issued in the future", () => signed({ iat: NOW / 1000 + 61 })],
    ["not valid before later", () => signed({ nbf: NOW / 1000 + 61 })],
    ["without exp", () => signed({ exp: undefined })],
    ["with exp as text", () => signed({ exp: "9999999999" })],
    ["without iat", () => signed({ iat: undefined })],
    ["without jti", () => signed({ jti: undefined })],
    ["with jti as a number", () => signed({ jti: 1 })],
    ["without sub", () => signed({ sub: undefined })],
    ["without aud", () => signed({ aud: undefined })],
    ["without idp_id", () => signed({ idp_id: undefined })],
  ])("refuses a token that is %s", async (_, make) => {
    await expect(tokens.verify(await make())).rejects.toMatchObject({ code: "identity/token-invalid" });
  });

  it("never repeats a token in an error", async () => {
    const tampered = `${json({ alg: "none", typ: "JWT" })}.${rest(token)}`;
    const error = await tokens.verify(tampered).catch((error) => error);
    expect(Deno.inspect(error)).not.toContain("session-1");
    expect(Deno.inspect(error)).not.toContain(token.split(".")[1]);
  });
});

const HEADER = { alg: "HS256", typ: "JWT" };

/** The claims of `token` under any header, signed by the right key with what it says, else with HS256. */
function signedRaw(header: { alg?: string; [name: string]: unknown }): string {
  const secret = new Uint8Array(32).fill(1);
  const key = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), "sallyport/session-token/v1", 32));
  const input = `${json(header)}.${token.split(".")[1]}`;
  const hash = header.alg === "HS512" ? "sha512" : "sha256";
  return `${input}.${createHmac(hash, key).update(input).digest("base64url")}`;
}

function rest(token: string): string {
  return token.slice(token.indexOf(".") + 1);
}
