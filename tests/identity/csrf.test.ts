import { describe, expect, it } from "vitest";
import { systemRandom } from "../../lib/base/random.ts";
import { hmac } from "../../lib/identity/_hmac.ts";
import { issueCsrf, verifyCsrf } from "../../lib/identity/csrf.ts";
import { keys, strangersKeys } from "./_fakes.ts";

const purpose = "form";
const issue = (cookie?: string | null) =>
  issueCsrf({ key: keys.csrf, random: systemRandom, purpose, ...(cookie === undefined ? {} : { cookie }) });
const verify = (cookie: string | null, token: string | null) =>
  verifyCsrf({ key: keys.csrf, purpose, cookie, token });

describe("issueCsrf()", () => {
  it("makes a pair that verifies, and another one the next time", async () => {
    const [one, two] = [await issue(), await issue()];
    expect(await verify(one.cookie, one.token)).toBe(true);
    expect(await verify(two.cookie, two.token)).toBe(true);
    expect(one.cookie).not.toBe(two.cookie);
  });

  it("keeps the cookie that the browser has, so that an older form still works", async () => {
    const { cookie, token } = await issue();
    expect(await issue(cookie)).toEqual({ cookie, token });
  });

  it.each([null, "", "x", "x".repeat(23), "x".repeat(5000), "a b".padEnd(22, "c"), "\n".padEnd(22, "c")])(
    "takes a fresh cookie in the place of %j",
    async (given) => {
      const { cookie, token } = await issue(given);
      expect(cookie).not.toBe(given);
      expect(await verify(cookie, token)).toBe(true);
    },
  );
});

describe("verifyCsrf()", () => {
  it.each<
    [
      string,
      (pair: { cookie: string; token: string }) => [string | null, string | null] | Promise<[string, string]>,
    ]
  >([
    ["no cookie", ({ token }) => [null, token]],
    ["no token", ({ cookie }) => [cookie, null]],
    ["neither", () => [null, null]],
    ["an empty cookie and an empty token", () => ["", ""]],
    ["the cookie in place of the token", ({ cookie }) => [cookie, cookie]],
    [
      "a tampered token",
      ({ cookie, token }) => [cookie, (token.startsWith("A") ? "B" : "A") + token.slice(1)],
    ],
    ["a cut-off token", ({ cookie, token }) => [cookie, token.slice(0, 42)]],
    ["a token with something behind", ({ cookie, token }) => [cookie, token + "A"]],
    ["a padded token", ({ cookie, token }) => [cookie, token + "="]],
    ["a cookie that is longer than any, rightly signed", async () => {
      const long = "x".repeat(5000);
      return [long, await hmac(keys.csrf, `form ${long}`)];
    }],
    ["the token of another browser", async ({ cookie }) => [cookie, (await issue()).token]],
    ["the token of the same browser for another purpose", async ({ cookie }) => {
      const { token } = await issueCsrf({ key: keys.csrf, random: systemRandom, purpose: "sign-in", cookie });
      return [cookie, token];
    }],
    ["a pair that a stranger made, cookie planted", async () => {
      const { cookie, token } = await issueCsrf({ key: strangersKeys.csrf, random: systemRandom, purpose });
      return [cookie, token];
    }],
    ["a pair made with the key for URLs", async () => {
      const { cookie, token } = await issueCsrf({ key: keys.urlSigning, random: systemRandom, purpose });
      return [cookie, token];
    }],
  ])("refuses %s", async (_, make) => {
    const [cookie, token] = await make(await issue());
    expect(await verify(cookie, token)).toBe(false);
  });
});
