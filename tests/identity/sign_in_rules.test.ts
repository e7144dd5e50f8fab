import { describe, expect, it } from "vitest";
import { isAllowedRedirect } from "../../lib/identity/sign_in_rules.ts";

const hosts = ["localhost", "Tools.example.com"];

describe("isAllowedRedirect()", () => {
  it.each([
    "http://localhost",
    "http://localhost:12345/callback/x?y=z",
    "https://localhost/",
    "HTTP://LocalHost:80/",
    "http://127.0.0.1:54321",
    "http://127.0.0.1:54321/callback/N0nce",
    "http://127.9.8.7/",
    "http://[::1]:8080/",
    "http://[::1]?a=b",
    "https://tools.example.com/done",
    "https://TOOLS.example.com:8443/done",
  ])("allows %s", (url) => {
    expect(isAllowedRedirect(url, { hosts })).toBe(true);
  });

  it.each([
    ["nothing", ""],
    ["a path", "/done"],
    ["a host without scheme", "//localhost/"],
    ["three slashes", "///localhost/"],
    ["a scheme without slashes", "http:localhost"],
    ["a scheme with one slash", "http:/localhost"],
    ["a scheme with three slashes", "http:///localhost"],
    ["javascript", "javascript:alert(1)"],
    ["javascript that looks like a host", "javascript://localhost/%0aalert(1)"],
    ["data", "data:text/html,x"],
    ["a file", "file://localhost/etc/passwd"],
    ["a custom scheme", "app://localhost/"],
    ["a WebSocket", "ws://localhost/"],
    ["http beyond loopback", "http://tools.example.com/"],
    ["another host", "https://evil.example/"],
    ["a host that begins right", "https://tools.example.com.evil.example/"],
    ["localhost as a beginning", "http://localhost.evil.example/"],
    ["127.0.0.1 as a beginning", "http://127.0.0.1.evil.example/"],
    ["a host that ends right", "https://eviltools.example.com/"],
    ["a host below", "https://a.tools.example.com/"],
    ["a host above", "https://example.com/"],
    ["a trailing dot", "http://localhost./"],
    ["a trailing dot on an address", "http://127.0.0.1./"],
    ["user information", "http://127.0.0.1@evil.example/"],
    ["user information with port", "http://localhost:80@evil.example/"],
    ["user information before the right host", "http://eve@localhost/"],
    ["an empty user", "http://@localhost/"],
    ["a hidden @", "http://evil.example%40localhost/"],
    ["a backslash as slash", "http:\\\\localhost\\"],
    ["a backslash before the @", "http://evil.example\\@localhost/"],
    ["a backslash after the host", "http://localhost\\.evil.example/"],
    ["a fragment", "http://localhost/#x"],
    ["a fragment before the @", "http://evil.example#@localhost/"],
    ["a query before the @", "https://evil.example?@localhost/"],
    ["127.1", "http://127.1/"],
    ["127.0.1", "http://127.0.1/"],
    ["a decimal address", "http://2130706433/"],
    ["a hexadecimal address", "http://0x7f000001/"],
    ["an octal address", "http://0177.0.0.1/"],
    ["an address with a leading zero", "http://127.0.0.01/"],
    ["the unspecified address", "http://0.0.0.0/"],
    ["the unspecified IPv6 address", "http://[::]/"],
    ["an IPv4-mapped address", "http://[::ffff:127.0.0.1]/"],
    ["an IPv4-mapped address in hexadecimal", "http://[::ffff:7f00:1]/"],
    ["::1 spelled out", "http://[0:0:0:0:0:0:0:1]/"],
    ["another IPv6 address", "http://[::2]/"],
    ["an address outside 127.0.0.0/8", "http://128.0.0.1/"],
    ["a zone", "http://[::1%25lo]/"],
    ["full-width letters", "http://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54/"],
    ["a full-width dot", "http://127\u30020.0.1/"],
    ["circled digits", "http://\u2460\u2461\u2466.0.0.1/"],
    ["an escaped host", "http://%6cocalhost/"],
    ["a soft hyphen", "http://local\u00adhost/"],
    ["a leading space", " http://localhost/"],
    ["a leading control character", "\u0001http://localhost/"],
    ["a tab in the scheme", "ht\ttp://localhost/"],
    ["a line end in the host", "http://local\nhost/"],
    ["a line end in the path", "http://localhost/\r\nSet-Cookie: x"],
    ["a space in the path", "http://localhost/a b"],
    ["NUL", "http://localhost\u0000.evil.example/"],
    ["a port out of range", "http://localhost:65536/"],
    ["a port of letters", "http://localhost:http/"],
    ["an empty host", "http://:80/"],
    ["two hosts", "http://localhost,evil.example/"],
    ["more than 2048 characters", "http://localhost/" + "x".repeat(2048)],
  ])("refuses %s", (_, url) => {
    expect(isAllowedRedirect(url, { hosts })).toBe(false);
  });

  it.each(["http://localhost/", "http://127.0.0.1/", "http://[::1]/", "https://localhost/"])(
    "refuses %s when localhost is not listed",
    (url) => {
      expect(isAllowedRedirect(url, { hosts: ["tools.example.com"] })).toBe(false);
      expect(isAllowedRedirect(url, { hosts: [] })).toBe(false);
    },
  );
});
