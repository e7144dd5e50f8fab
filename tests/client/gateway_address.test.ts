import { describe, expect, it } from "vitest";
import { gatewayOrigin, parseGatewayUrl } from "../../lib/client/gateway_address.ts";

describe("gatewayOrigin()", () => {
  it.each([
    ["https://gw.example.com:443", "https://gw.example.com"],
    ["https://gw.example.com:8443", "https://gw.example.com:8443"],
    ["https://gw.example.com:80", "https://gw.example.com:80"],
    ["http://gw.example.com:80", "http://gw.example.com"],
    ["http://gw.example.com:443", "http://gw.example.com:443"],
    ["https://[2001:db8::1]:8443/some/path", "https://[2001:db8::1]:8443"],
  ])("writes %s as %s", (url, origin) => {
    expect(gatewayOrigin(parseGatewayUrl(url))).toBe(origin);
  });
});
