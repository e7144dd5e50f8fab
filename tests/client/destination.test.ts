import { describe, expect, it } from "vitest";
import { ClientError } from "../../lib/client/client_error.ts";
import { parseDestination } from "../../lib/client/destination.ts";

const tls = (host: string, port = 443) => ({ tls: true, host, port });
const plain = (host: string, port = 80) => ({ tls: false, host, port });

function failure(run: () => unknown): ClientError {
  try {
    run();
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("parseDestination()", () => {
  it.each([
    ["redis.example.com:6379", "redis.example.com:6379", tls("redis.example.com")],
    ["[2001:db8::1]:22", "[2001:db8::1]:22", tls("2001:db8::1")],
    ["192.0.2.1:5432", "192.0.2.1:5432", tls("192.0.2.1")],
    ["Redis.Example.COM:6379", "Redis.Example.COM:6379", tls("redis.example.com")],
    ["https://redis.example.com:6379", "redis.example.com:6379", tls("redis.example.com")],
    ["http://redis.example.com:6379", "redis.example.com:6379", plain("redis.example.com")],
    ["tcp+https://redis.example.com:6379", "redis.example.com:6379", tls("redis.example.com")],
    ["tcp+http://redis.example.com:6379", "redis.example.com:6379", plain("redis.example.com")],
    ["udp+https://dns.example.com:53", "dns.example.com:53", tls("dns.example.com")],
    ["TCP+HTTPS://redis.example.com:6379", "redis.example.com:6379", tls("redis.example.com")],
    ["tcp+https://redis.example.com:443", "redis.example.com:443", tls("redis.example.com")],
    ["tcp+https://[2001:db8::1]:22", "[2001:db8::1]:22", tls("2001:db8::1")],
    ["tcp+https://gw.example.com/db.internal:5432", "db.internal:5432", tls("gw.example.com")],
    ["tcp+https://gw.example.com:8443/db.internal:5432", "db.internal:5432", tls("gw.example.com", 8443)],
    ["https://gw.example.com:8443/db.internal:5432", "db.internal:5432", tls("gw.example.com", 8443)],
    ["http://gw.example.com/db.internal:5432", "db.internal:5432", plain("gw.example.com")],
    ["http://127.0.0.1:8080/db.internal:5432", "db.internal:5432", plain("127.0.0.1", 8080)],
    ["tcp+https://gw.example.com/a.internal:1/b.internal:2", "a.internal:1", tls("gw.example.com")],
    ["tcp+https://gw.example.com/%5B2001:db8::1%5D:22", "[2001:db8::1]:22", tls("gw.example.com")],
    ["tcp+https://[::1]:8443/[2001:db8::1]:22", "[2001:db8::1]:22", tls("::1", 8443)],
  ])("reads %s", (text, authority, gateway) => {
    expect(parseDestination(text)).toEqual({ authority, gateway });
  });

  it.each([
    ["redis.example.com:6379", "https://gw.example.com", tls("gw.example.com")],
    ["redis.example.com:6379", "https://GW.example.com:8443", tls("gw.example.com", 8443)],
    ["tcp+https://other.example.com:8443/redis.example.com:6379", "http://gw:80", plain("gw")],
  ])("takes %s through the gateway %s that was asked for", (text, gatewayUrl, gateway) => {
    expect(parseDestination(text, { gatewayUrl })).toEqual({ authority: "redis.example.com:6379", gateway });
  });

  it.each([
    ["an empty text", ""],
    ["a host without port", "redis.example.com"],
    ["a URL without port", "tcp+https://redis.example.com"],
    ["a bastion form whose destination has no port", "tcp+https://gw.example.com/redis.example.com"],
    ["an empty bastion destination", "tcp+https://gw.example.com/"],
    ["port 0", "redis.example.com:0"],
    ["port 65536", "redis.example.com:65536"],
    ["an IPv6 address without brackets", "2001:db8::1:22"],
    ["another scheme", "tcp://redis.example.com:6379"],
    ["a scheme alone", "tcp+https://"],
    ["user information", "tcp+https://alice:secret@redis.example.com:6379"],
    ["a query", "tcp+https://gw.example.com/redis.example.com:6379?x=1"],
    ["a line break in the host", "redis.example.com:6379\r\nX: y"],
    ["an encoded line break in the bastion form", "tcp+https://gw.example.com/redis:6379%0d%0aX:y"],
    ["a broken percent-encoding", "tcp+https://gw.example.com/%zz:1"],
    ["a space", "redis example.com:6379"],
  ])("refuses %s", (_, text) => {
    expect(failure(() => parseDestination(text)).code).toBe("client/invalid-destination");
  });

  it.each([
    ["redis.example.com", "add the port of the route, as in redis.example.com:22"],
    ["tcp+https://redis.example.com", "add the port of the route, as in tcp+https://redis.example.com:22"],
    [
      "tcp+https://gw.example.com/redis",
      "add the port of the route, as in tcp+https://gw.example.com/redis:22",
    ],
  ])("says how to complete %s", (text, hint) => {
    expect(failure(() => parseDestination(text)).hint).toBe(hint);
  });

  it.each([
    ["gw.example.com:8443", "write https://gw.example.com:8443"],
    ["gw.example.com", "write https://gw.example.com"],
    ["tcp+https://gw.example.com", undefined],
    ["https://", undefined],
    ["https://alice:secret@gw.example.com", undefined],
  ])("refuses the gateway URL %s", (gatewayUrl, hint) => {
    const error = failure(() => parseDestination("redis:6379", { gatewayUrl }));
    expect(error.code).toBe("client/invalid-gateway-url");
    expect(error.hint).toBe(hint);
    expect(error.message).not.toContain("secret");
  });
});
