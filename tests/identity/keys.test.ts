import { createHmac, hkdfSync } from "node:crypto";
import { createLocalJWKSet, importPKCS8, jwtVerify, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { deriveKeys, generateSigningKeyPem, publicJwks } from "../../lib/identity/keys.ts";
import { hmac } from "../../lib/identity/_hmac.ts";
import { requirePeer } from "../_support/peers.ts";
import { keys, strangersKeys } from "./_fakes.ts";

describe("deriveKeys()", () => {
  it("gives the same keys for the same secret, other keys for another", async () => {
    const again = await deriveKeys(new Uint8Array(32).fill(1));
    for (const name of ["sessionToken", "urlSigning", "csrf"] as const) {
      expect(await hmac(again[name], "x")).toBe(await hmac(keys[name], "x"));
      expect(await hmac(strangersKeys[name], "x")).not.toBe(await hmac(keys[name], "x"));
    }
  });

  it("gives each purpose a key of its own", async () => {
    const macs = await Promise.all(
      [keys.sessionToken, keys.urlSigning, keys.csrf].map((key) => hmac(key, "x")),
    );
    expect(new Set(macs).size).toBe(3);
  });

  it("derives by HKDF-SHA-256 (a token outlives an upgrade)", async () => {
    const secret = new Uint8Array(32).fill(1);
    const raw = hkdfSync("sha256", secret, new Uint8Array(), "sallyport/session-token/v1", 32);
    const expected = createHmac("sha256", new Uint8Array(raw)).update("x").digest("base64url");
    expect(await hmac(keys.sessionToken, "x")).toBe(expected);
  });

  it("never lets a key out", async () => {
    for (const key of Object.values(keys)) {
      expect(key.extractable).toBe(false);
      await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
    }
  });

  it("refuses a secret of 31 bytes", async () => {
    await expect(deriveKeys(new Uint8Array(31))).rejects.toThrow(RangeError);
  });
});

describe("publicJwks()", () => {
  it("publishes the public half only, with its thumbprint", async () => {
    const { keys: [key, ...more] } = await publicJwks(await generateSigningKeyPem());
    expect(more).toEqual([]);
    expect(Object.keys(key).toSorted()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
    const members = `{"crv":"P-256","kty":"EC","x":"${key.x}","y":"${key.y}"}`;
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(members));
    expect(key).toMatchObject({
      alg: "ES256",
      use: "sig",
      kid: new Uint8Array(digest).toBase64({
        alphabet: "base64url",
        omitPadding: true,
      }),
    });
  });

  it("verifies what the key has signed, and nothing of another key", async () => {
    const pem = await generateSigningKeyPem();
    const jwks = await publicJwks(pem);
    const sign = async (pem: string) =>
      await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "ES256", kid: jwks.keys[0].kid })
        .sign(await importPKCS8(pem, "ES256"));
    const set = createLocalJWKSet({ keys: [...jwks.keys] });
    await expect(jwtVerify(await sign(pem), set)).resolves.toMatchObject({ payload: { sub: "ada" } });
    await expect(jwtVerify(await sign(await generateSigningKeyPem()), set)).rejects.toThrow("signature");
  });

  it.each([
    ["nothing", ""],
    ["no PEM", "hello"],
    ["a cut-off key", "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n"],
  ])("refuses %s", async (_, pem) => {
    await expect(publicJwks(pem)).rejects.toMatchObject({ code: "identity/bad-signing-key" });
  });

  it.skipIf(!requirePeer("openssl")).each([
    ["a P-384 key", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]],
    ["an RSA key", ["-algorithm", "RSA"]],
    ["an Ed25519 key", ["-algorithm", "ed25519"]],
  ])("refuses %s", async (_, args) => {
    const { stdout } = await new Deno.Command("openssl", { args: ["genpkey", ...args] }).output();
    await expect(publicJwks(new TextDecoder().decode(stdout)))
      .rejects.toMatchObject({ code: "identity/bad-signing-key" });
  });

  it.skipIf(!requirePeer("openssl"))("takes a P-256 key that openssl has made", async () => {
    const args = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    const { stdout } = await new Deno.Command("openssl", { args }).output();
    await expect(publicJwks(new TextDecoder().decode(stdout))).resolves.toHaveProperty("keys");
  });
});
