import { describe, expect, it } from "vitest";
import { fitsInHeader, MAX_TOKEN_LENGTH, tokenState } from "../../lib/client/token.ts";
import { testToken } from "./_scripted_gateway.ts";

const NOW = 1_700_000_000_000;

describe("tokenState()", () => {
  it.each([
    ["no exp", { sub: "alice" }, "usable"],
    ["an exp to come", { exp: 1_700_000_001 }, "usable"],
    ["an exp of right now", { exp: 1_700_000_000 }, "expired"],
    ["a past exp", { exp: 1 }, "expired"],
    ["a fractional exp", { exp: 1_800_000_000.5 }, "malformed"],
    ["an exp that is a text", { exp: "1800000000" }, "malformed"],
    ["an exp of null", { exp: null }, "malformed"],
  ])("calls a token with %s what it is", (_, claims, state) => {
    expect(tokenState(testToken(claims), NOW)).toBe(state);
  });

  it.each([
    ["an empty text", ""],
    ["two parts", "e30.e30"],
    ["four parts", "e30.e30.e30.e30"],
    ["an empty signature", "e30.e30."],
    ["an array as payload", "e30.W10.c2ln"],
    ["a payload that is no JSON", "e30.YWJj.c2ln"],
    ["a payload that is no UTF-8", "e30._w.c2ln"],
    ["a line break", "e30.e30.c2ln\n"],
    ["more than 16 KiB", `e30.e30.${"a".repeat(MAX_TOKEN_LENGTH)}`],
  ])("finds %s malformed", (_, token) => {
    expect(tokenState(token, NOW)).toBe("malformed");
  });
});

describe("fitsInHeader()", () => {
  it.each([
    ["opaque-token", true],
    ["", false],
    ["two words", false],
    ["a\r\nX-Injected: 1", false],
    ["t\u00f6ken", false],
    ["a".repeat(MAX_TOKEN_LENGTH), true],
    ["a".repeat(MAX_TOKEN_LENGTH + 1), false],
  ])("case %#", (token, fits) => {
    expect(fitsInHeader(token)).toBe(fits);
  });
});
