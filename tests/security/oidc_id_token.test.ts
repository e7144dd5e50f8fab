import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  comeBack,
  type FakeSetup,
  signed,
  startWithFake,
  type TokenRequest,
  visit,
} from "./_fake_provider.ts";

let setup: FakeSetup;
let careless: FakeSetup;

beforeAll(async () => {
  setup = await startWithFake();
  careless = await startWithFake({ id_token_signing_alg_values_supported: ["none", "HS256", "RS256"] });
});
afterAll(async () => {
  await setup[Symbol.asyncDispose]();
  await careless[Symbol.asyncDispose]();
});

const now = () => Math.floor(Date.now() / 1000);
const changed = (change: (claims: JWTPayload) => JWTPayload) => (request: TokenRequest) =>
  signed({ ...request, claims: change(request.claims) });

async function unsigned({ claims }: TokenRequest): Promise<string> {
  const encode = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return await Promise.resolve(`${encode({ alg: "none" })}.${encode(claims)}.`);
}

async function withPublicKeyAsSecret({ claims, publicKey, kid }: TokenRequest): Promise<string> {
  const secret = new TextEncoder().encode(await exportSPKI(publicKey));
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid }).sign(secret);
}

async function byStranger({ claims, kid }: TokenRequest): Promise<string> {
  const { privateKey } = await generateKeyPair("RS256");
  return await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
}

const attacks: [name: string, make: (request: TokenRequest) => Promise<string>][] = [
  ["of another sign-in (nonce mismatch)", changed((claims) => ({ ...claims, nonce: "another" }))],
  ["without a nonce", changed(({ nonce: _, ...claims }) => claims)],
  ["with alg none", unsigned],
  ["with HS256 and the public key as secret", withPublicKeyAsSecret],
  ["by another key under the right name", byStranger],
  ["for another client (wrong aud)", changed((claims) => ({ ...claims, aud: "another" }))],
  [
    "for several clients, by another (azp)",
    changed((claims) => ({ ...claims, aud: ["gateway", "x"], azp: "x" })),
  ],
  ["of another issuer (mix-up)", changed((claims) => ({ ...claims, iss: "https://evil.example" }))],
  ["that has expired", changed((claims) => ({ ...claims, iat: now() - 900, exp: now() - 120 }))],
  ["from the future", changed((claims) => ({ ...claims, iat: now() + 900, exp: now() + 1200 }))],
  ["that is not valid yet", changed((claims) => ({ ...claims, nbf: now() + 900 }))],
  ["that names nobody", changed((claims) => ({ ...claims, sub: "" }))],
  ["without a subject", changed(({ sub: _, ...claims }) => claims)],
  ["with a changed payload", async (request) => {
    const [header, , signature] = (await signed(request)).split(".");
    const [, payload] = (await signed({ ...request, claims: { ...request.claims, sub: "root" } })).split(".");
    return `${header}.${payload}.${signature}`;
  }],
];

describe("an ID token", () => {
  it("as it should be signs in", async () => {
    using browser = setup.browse();
    setup.provider.idToken = signed;
    expect((await visit(browser, await comeBack(setup, browser)))[0]).toBe(302);
  });

  it.each(attacks)("%s signs nobody in", async (_name, make) => {
    using browser = setup.browse();
    setup.provider.idToken = make;
    const [status, cookies] = await visit(browser, await comeBack(setup, browser));
    expect([status, cookies]).toEqual([400, []]);
  });

  it.each(attacks.slice(2, 4))("%s signs nobody in though the metadata offers it", async (_name, make) => {
    using browser = careless.browse();
    careless.provider.idToken = make;
    const [status, cookies] = await visit(browser, await comeBack(careless, browser));
    expect([status, cookies]).toEqual([400, []]);
  });

  it("of a clock half a minute ahead signs in", async () => {
    using browser = setup.browse();
    setup.provider.idToken = changed((claims) => ({ ...claims, iat: now() + 30, nbf: now() + 30 }));
    expect((await visit(browser, await comeBack(setup, browser)))[0]).toBe(302);
  });
});

describe("a mix-up of providers", () => {
  it("by the iss parameter of the answer (RFC 9207) signs nobody in", async () => {
    using browser = setup.browse();
    setup.provider.idToken = signed;
    const url = await comeBack(setup, browser);
    url.searchParams.set("iss", "https://evil.example");
    expect((await visit(browser, url)).slice(0, 2)).toEqual([400, []]);
  });
});
