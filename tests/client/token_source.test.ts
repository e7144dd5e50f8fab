import { describe, expect, it } from "vitest";
import { memoryTokenCache } from "../../lib/client/token_cache.ts";
import { fixedTokenSource, personTokenSource } from "../../lib/client/token_source.ts";
import { testToken } from "./_scripted_gateway.ts";

const gateway = { tls: true, host: "gw.example.com", port: 443 };
const now = () => 1_700_000_000_000;
const [first, second] = [testToken({ sub: "1" }), testToken({ sub: "2" })];

/** A person who signs in with these tokens, one after the other. */
function person(...tokens: string[]) {
  const cache = memoryTokenCache();
  let signIns = 0;
  const signIn = () => {
    const token = tokens[signIns++];
    return token === undefined ? Promise.reject(new Error("gave up")) : Promise.resolve(token);
  };
  return { cache, tokens: personTokenSource({ gateway, cache, now, signIn }), signIns: () => signIns };
}

describe("personTokenSource()", () => {
  it("has no token before the first sign-in", async () => {
    const { tokens, signIns } = person(first);
    expect(await tokens.current()).toBeNull();
    expect(signIns()).toBe(0);
  });

  it("takes the cached token without asking the person", async () => {
    const { tokens, cache, signIns } = person();
    await cache.save(gateway, first);
    expect(await tokens.current()).toBe(first);
    expect(signIns()).toBe(0);
  });

  it("keeps the token of a sign-in", async () => {
    const { tokens, cache } = person(first);
    expect(await tokens.renew(null)).toBe(first);
    expect(await tokens.current()).toBe(first);
    expect(await cache.load(gateway, now())).toBe(first);
  });

  it("drops a cached token that the gateway did not take", async () => {
    const { tokens, cache } = person();
    await cache.save(gateway, first);
    await expect(tokens.renew(first)).rejects.toThrow("gave up");
    expect(await cache.load(gateway, now())).toBeNull();
    expect(await tokens.current()).toBeNull();
  });

  it("shares one sign-in between all who ask at the same time", async () => {
    const { tokens, signIns } = person(first, second);
    expect(await Promise.all([tokens.renew(null), tokens.renew(null), tokens.renew(null)]))
      .toEqual([first, first, first]);
    expect(signIns()).toBe(1);
  });

  it("does not sign in again for a tunnel that sent an older token", async () => {
    const { tokens, signIns } = person(first, second);
    await tokens.renew(null);
    expect(await tokens.renew(null)).toBe(first);
    expect(signIns()).toBe(1);
    expect(await tokens.renew(first)).toBe(second);
  });

  it("takes the token that another process has stored meanwhile", async () => {
    const { tokens, cache, signIns } = person(first);
    await tokens.renew(null);
    await cache.save(gateway, second);
    expect(await tokens.renew(first)).toBe(second);
    expect(await tokens.current()).toBe(second);
    expect(signIns()).toBe(1);
  });

  it("asks again after a sign-in that failed", async () => {
    const { tokens, signIns } = person();
    await expect(tokens.renew(null)).rejects.toThrow("gave up");
    await expect(tokens.renew(null)).rejects.toThrow("gave up");
    expect(signIns()).toBe(2);
  });
});

describe("fixedTokenSource()", () => {
  it("sends the token without the white space around it, and has no other", async () => {
    const tokens = fixedTokenSource(" opaque\n");
    expect(await tokens.current()).toBe("opaque");
    await expect(tokens.renew("opaque")).rejects.toMatchObject({ code: "client/login-required" });
  });

  it.each(["", " \n", "two words", "a\r\nX-Injected: 1"])("refuses %j", (text) => {
    expect(() => fixedTokenSource(text)).toThrow(expect.objectContaining({ code: "client/invalid-token" }));
  });
});
