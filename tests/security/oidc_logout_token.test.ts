import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FormBrowser } from "../_support/form_browser.ts";
import { CLIENT } from "../_support/oidc_provider.ts";
import { comeBack, type FakeSetup, signed, startWithFake, type TokenRequest } from "./_fake_provider.ts";

const EVENT = "http://schemas.openid.net/event/backchannel-logout";

let setup: FakeSetup;
let browser: FormBrowser;

beforeAll(async () => void (setup = await startWithFake()));
beforeEach(async () => {
  setup.provider.idToken = (request) =>
    signed({ ...request, claims: { ...request.claims, sid: "ann's session" } });
  browser = setup.browse();
  await browser.open((await comeBack(setup, browser)).href);
  return () => browser[Symbol.dispose]();
});
afterAll(() => setup[Symbol.asyncDispose]());

const now = () => Math.floor(Date.now() / 1000);

function goodClaims(): JWTPayload {
  return {
    iss: setup.provider.issuer,
    aud: CLIENT.id,
    iat: now(),
    exp: now() + 120,
    jti: crypto.randomUUID(),
    sub: "ann",
    sid: "ann's session",
    events: { [EVENT]: {} },
  };
}

function make({ claims, privateKey, kid }: TokenRequest, header = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid, typ: "logout+jwt", ...header }).sign(
    privateKey,
  );
}

async function send(token: string): Promise<number> {
  const body = new URLSearchParams({ logout_token: token });
  using sender = setup.browse();
  const response = await sender.request(`${setup.gateway.url}/.pomerium/backchannel_logout`, {
    method: "POST",
    body,
  });
  expect(response.headers.get("cache-control")).toBe("no-store");
  await response.body?.cancel();
  return response.status;
}

async function isSignedIn(): Promise<boolean> {
  const headers = { accept: "application/json" };
  const response = await browser.request(`${setup.gateway.url}/.pomerium/user`, { headers });
  await response.body?.cancel();
  return response.status === 200;
}

describe("a logout token", () => {
  it.each<[string, (claims: JWTPayload) => JWTPayload]>([
    ["with person and session", (claims) => claims],
    ["with the person alone", ({ sid: _, ...claims }) => claims],
    ["with the session alone", ({ sub: _, ...claims }) => claims],
  ])("%s ends the session", async (_what, change) => {
    expect(await isSignedIn()).toBe(true);
    expect(await send(await make(setup.provider.request(change(goodClaims()))))).toBe(200);
    expect(await isSignedIn()).toBe(false);
  });

  it.each<[string, Partial<JWTPayload>]>([
    ["of another person", { sub: "bob" }],
    ["of another session", { sid: "another" }],
  ])("%s is taken, and ends nothing of ann's", async (_what, change) => {
    expect(await send(await make(setup.provider.request({ ...goodClaims(), ...change })))).toBe(200);
    expect(await isSignedIn()).toBe(true);
  });

  it.each<[string, () => Promise<string>]>([
    ["that is none", () => Promise.resolve("x")],
    ["that is empty", () => Promise.resolve("")],
    ["that is very long", () => Promise.resolve("a".repeat(8193))],
    ["by another key", async () => {
      const { privateKey } = await generateKeyPair("RS256");
      return make({ ...setup.provider.request(goodClaims()), privateKey });
    }],
    ["with HS256 and the public key as secret", async () => {
      const { claims, publicKey, kid } = setup.provider.request(goodClaims());
      const secret = new TextEncoder().encode(await exportSPKI(publicKey));
      return await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid }).sign(secret);
    }],
    ["with alg none", () => {
      const encode = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, "");
      return Promise.resolve(`${encode({ alg: "none" })}.${encode(goodClaims())}.`);
    }],
    [
      "of another issuer",
      () => make(setup.provider.request({ ...goodClaims(), iss: "https://evil.example" })),
    ],
    ["for another client", () => make(setup.provider.request({ ...goodClaims(), aud: "another" }))],
    ["that has expired", () => make(setup.provider.request({ ...goodClaims(), exp: now() - 120 }))],
    ["from long ago", () => make(setup.provider.request({ ...goodClaims(), iat: now() - 900 }))],
    [
      "from the future",
      () => make(setup.provider.request({ ...goodClaims(), iat: now() + 900, exp: now() + 999 })),
    ],
    ["that is an ID token (nonce)", () => make(setup.provider.request({ ...goodClaims(), nonce: "n" }))],
    ["without the event", () => make(setup.provider.request({ ...goodClaims(), events: {} }))],
    [
      "with an event that is no object",
      () => make(setup.provider.request({ ...goodClaims(), events: { [EVENT]: true } })),
    ],
    ["of another type", () => make(setup.provider.request(goodClaims()), { typ: "at+jwt" })],
    ["without an id", () => {
      const { jti: _, ...claims } = goodClaims();
      return make(setup.provider.request(claims));
    }],
    ["that names nobody", () => {
      const { sub: _, sid: _sid, ...claims } = goodClaims();
      return make(setup.provider.request(claims));
    }],
  ])("%s is refused, and ends nothing", async (_what, token) => {
    expect(await send(await token())).toBe(400);
    expect(await isSignedIn()).toBe(true);
  });

  it("that was used before is refused", async () => {
    const token = await make(setup.provider.request({ ...goodClaims(), sid: "another" }));
    expect(await send(token)).toBe(200);
    expect(await send(token)).toBe(400);
  });
});
