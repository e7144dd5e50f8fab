import { describe, expect, it } from "vitest";
import { parseFrom } from "../../../lib/config/from_url.ts";
import type { Route } from "../../../lib/config/config.ts";
import { canonicalGlob, matchesGlob } from "../../../lib/ssh/reverse/glob.ts";
import {
  asksFor,
  canonicalForward,
  dynamicForm,
  staticForm,
} from "../../../lib/ssh/reverse/wanted_forward.ts";

const route = (from: string) => ({ from: parseFrom(from) }) as Route;

describe("matchesGlob()", () => {
  it.each([
    ["*", "", true],
    ["*", "app.example.com", true],
    ["a*", "app", true],
    ["a*p", "app", true],
    ["a*p", "apple", false],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["?pp", "app", true],
    ["?", "", false],
    ["*?", "x", true],
    ["APP", "app", true],
    ["a.b", "axb", false],
    ["**.com", "a.com", true],
    ["", "", true],
    ["", "a", false],
  ])("answers for %j and %j: %s", (pattern, text, answer) => {
    expect(matchesGlob(pattern, text)).toBe(answer);
  });

  it("answers soon whatever the pattern", () => {
    expect(matchesGlob("*a".repeat(127), "a".repeat(126) + "b")).toBe(false);
  });
});

describe("canonicalGlob()", () => {
  it.each([["**", "*"], ["*?*", "?*"], ["?*", "?*"], ["A*?b", "a?*b"], ["a?b", "a?b"]])(
    "of %s is %s",
    (pattern, same) => {
      expect(canonicalGlob(pattern)).toBe(same);
    },
  );
});

describe("asksFor()", () => {
  it.each([
    ["app.example.com", 443, "https://app.example.com", true],
    ["APP.example.com", 443, "https://app.example.com", true],
    ["app.example.com", 443, "https://app.example.com:8443", true],
    ["app.example.com", 22, "https://app.example.com", false],
    ["app.example.com", 8443, "https://app.example.com:8443", false],
    ["*.example.com", 443, "https://app.example.com", false],
    ["*.example.com", 443, "https://*.example.com", true],
    ["", 443, "https://app.example.com", false],
    ["localhost", 443, "https://app.example.com", false],
    ["box", 22, "ssh://box", true],
    ["box", 443, "ssh://box", false],
    ["db.example.com", 5432, "tcp+https://db.example.com:5432", true],
    ["db.example.com", 5433, "tcp+https://db.example.com:5432", false],
    ["db", 5432, "tcp+https://gateway:8443/db:5432/other:1", true],
    ["gateway", 5432, "tcp+https://gateway:8443/db:5432", false],
    ["db.example.com", 443, "tcp+https://db.example.com:443", true],
    ["", 0, "https://app.example.com", true],
    ["localhost", 0, "ssh://box", true],
    ["**", 0, "tcp+https://db.example.com:5432", true],
    ["*.com", 0, "https://*.example.com", true],
    ["?.example.com", 0, "https://*.example.com", true],
    ["app*", 0, "https://app.example.com", true],
    ["app*", 0, "https://other.example.com", false],
    ["*", 0, "udp+https://vpn.example.com:51820", false],
    ["vpn.example.com", 51820, "udp+https://vpn.example.com:51820", false],
  ])("-R %s:%i and %s: %s", (bindAddr, bindPort, from, answer) => {
    expect(asksFor({ bindAddr, bindPort }, route(from))).toBe(answer);
  });
});

describe("canonicalForward()", () => {
  it.each([["", "*"], ["**", "localhost"], ["A*.b", "a**.B"]])(
    "is the same for %j and %j with port 0",
    (a, b) => {
      expect(canonicalForward({ bindAddr: a, bindPort: 0 })).toBe(
        canonicalForward({ bindAddr: b, bindPort: 0 }),
      );
    },
  );

  it("keeps patterns apart from names", () => {
    const names = [["", 443], ["*", 443], ["localhost", 443], ["*", 0]] as const;
    const all = names.map(([bindAddr, bindPort]) => canonicalForward({ bindAddr, bindPort }));
    expect(new Set(all).size).toBe(names.length);
  });
});

it.each([
  ["https://app.example.com", "-R app.example.com:443:HOST:PORT", "-R app.example.com:0"],
  ["ssh://box", "-R box:22:HOST:PORT", "-R box:0"],
  ["tcp+https://[2001:db8::1]:5432", "-R [2001:db8::1]:5432:HOST:PORT", "-R [2001:db8::1]:0"],
])("staticForm() and dynamicForm() of %s", (from, fixed, dynamic) => {
  expect([staticForm(route(from)), dynamicForm(route(from))]).toEqual([fixed, dynamic]);
});
