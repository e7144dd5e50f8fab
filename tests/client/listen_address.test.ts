import { describe, expect, it } from "vitest";
import { formatListenAddress, isLoopback, parseListenAddress } from "../../lib/client/listen_address.ts";

describe("parseListenAddress()", () => {
  it.each([
    ["-", "stdio"],
    ["127.0.0.1:0", { hostname: "127.0.0.1", port: 0 }],
    ["localhost:2222", { hostname: "localhost", port: 2222 }],
    [":2222", { hostname: "0.0.0.0", port: 2222 }],
    ["[::1]:2222", { hostname: "::1", port: 2222 }],
    ["0.0.0.0:65535", { hostname: "0.0.0.0", port: 65535 }],
  ])("reads %s", (text, expected) => {
    expect(parseListenAddress(text)).toEqual(expected);
  });

  it.each([
    "",
    "2222",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "::1:2222",
    "[::1]",
    "a b:1",
    "host:-1",
    "--",
  ])(
    "refuses %j",
    (text) => {
      expect(() => parseListenAddress(text))
        .toThrow(expect.objectContaining({ code: "client/invalid-listen-address" }));
    },
  );

  it("says how to write a port alone", () => {
    expect(() => parseListenAddress("2222")).toThrow(
      expect.objectContaining({ hint: "write 127.0.0.1:2222" }),
    );
  });
});

it.each([
  ["127.0.0.1", true],
  ["127.8.8.8", true],
  ["localhost", true],
  ["::1", true],
  ["0.0.0.0", false],
  ["::", false],
  ["192.0.2.1", false],
  ["example.com", false],
])("isLoopback(%j) is %s", (hostname, expected) => {
  expect(isLoopback(hostname)).toBe(expected);
});

it("formatListenAddress() puts IPv6 into brackets", () => {
  expect(formatListenAddress({ hostname: "::1", port: 22 })).toBe("[::1]:22");
});
