import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { type AssertionOptions, Assertions } from "../../lib/identity/assertion.ts";
import { generateSigningKeyPem, publicJwks } from "../../lib/identity/keys.ts";
import type { SessionFacts } from "../../lib/policy/facts.ts";
import { FakeClock, NOW } from "./_fakes.ts";

const SESSION: SessionFacts = {
  sessionId: "session-1",
  userId: "user-1",
  email: "ada@example.com",
  groups: ["g-1", "admins"],
  claims: {
    name: "Ada Lovelace",
    department: "engines",
    address: { country: "UK" },
    email: "old@example.com",
  },
};
let clock: FakeClock;
let pem: string;
let assertions: Assertions;

beforeAll(async () => {
  clock = new FakeClock();
  pem = await generateSigningKeyPem();
  assertions = await Assertions.create({ signingKeyPem: pem, clock });
});

async function payloadOf(options: Partial<AssertionOptions> = {}, session: Partial<SessionFacts> = {}) {
  return decodeJwt(await assertions.sign({ ...SESSION, ...session }, { host: "db.test", ...options }));
}

describe("Assertions.sign()", () => {
  it("is verified with the published keys, by the thumbprint that names the key", async () => {
    const jwks = await publicJwks(pem);
    const jwt = await assertions.sign(SESSION, { host: "db.test" });
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "ES256", kid: jwks.keys[0].kid, typ: "JWT" });
    const { payload } = await jwtVerify(jwt, createLocalJWKSet({ keys: [{ ...jwks.keys[0] }] }), {
      issuer: "db.test",
      audience: "db.test",
      algorithms: ["ES256"],
      currentDate: new Date(NOW),
    });
    expect(payload.email).toBe("ada@example.com");
  });

  it("is not verified with the keys of another gateway", async () => {
    const other = await publicJwks(await generateSigningKeyPem());
    const jwt = await assertions.sign(SESSION, { host: "db.test" });
    const keys = createLocalJWKSet({ keys: [{ ...other.keys[0] }] });
    await expect(jwtVerify(jwt, keys, { currentDate: new Date(NOW) })).rejects.toThrow();
  });

  it("says exactly the standard claims", async () => {
    expect(await payloadOf()).toEqual({
      iss: "db.test",
      aud: "db.test",
      jti: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/),
      iat: NOW / 1000,
      exp: NOW / 1000 + 300,
      sub: "user-1",
      user: "user-1",
      email: "ada@example.com",
      groups: ["g-1", "admins"],
      sid: "session-1",
      name: "Ada Lovelace",
    });
  });

  it("has another id each time", async () => {
    expect((await payloadOf()).jti).not.toBe((await payloadOf()).jti);
  });

  it.each([["hostOnly", "db.test"], ["uri", "https://db.test/"]] as const)(
    "writes the issuer as %s",
    async (issuerFormat, iss) =>
      expect(await payloadOf({ issuerFormat })).toMatchObject({ iss, aud: "db.test" }),
  );

  it.each<[string, Partial<SessionFacts>, Record<string, unknown>]>([
    ["no groups as an empty list", { groups: [] }, { groups: [] }],
    ["the groups claim where the session has none", { groups: [], claims: { groups: ["x", 1] } }, {
      groups: ["x"],
    }],
    ["no name as an empty one", { claims: {} }, { name: "" }],
  ])("says %s", async (_, session, expected) => {
    expect(await payloadOf({}, session)).toMatchObject(expected);
  });

  it("adds claims that were asked for, nested ones by their path, and leaves out those that are absent", async () => {
    const payload = await payloadOf({ claims: ["department", "address.country", "absent"] });
    expect(payload).toMatchObject({ department: "engines", "address.country": "UK" });
    expect(payload).not.toHaveProperty("absent");
  });

  it.each(["iss", "aud", "jti", "iat", "exp", "nbf", "sub", "user", "email", "groups", "sid", "name"])(
    "lets no claim of the session take the place of %s",
    async (name) => {
      const plain = await payloadOf();
      const claims = { name: "Ada Lovelace", [name]: "forged" };
      const payload = await payloadOf({ claims: [name] }, { claims });
      const expected = name === "name" ? "forged" : name === "jti" ? payload.jti : plain[name];
      expect(payload[name]).toEqual(expected);
      if (name !== "name") expect(payload[name]).not.toBe("forged");
    },
  );

  it("is refused for a key that is none, without showing it", async () => {
    await expect(Assertions.create({ signingKeyPem: "-----BEGIN secret", clock })).rejects.toMatchObject({
      code: "identity/bad-signing-key",
      message: expect.not.stringContaining("secret"),
    });
  });
});
