import { describe, expect, it } from "vitest";
import { parseTo } from "../../lib/config/to_url.ts";

describe("parseTo() reads", () => {
  it.each([
    ["tcp://10.0.0.5:5432", "tcp", "10.0.0.5", 5432],
    ["tcp://db", "tcp", "db", 80],
    ["tcp://db/ignored/path", "tcp", "db", 80],
    ["tcp://LOCALHOST:22", "tcp", "127.0.0.1", 22],
    ["tcp://localhost.:22", "tcp", "127.0.0.1", 22],
    ["tcp://[::1]:22", "tcp", "::1", 22],
    ["tcp://a_b:1", "tcp", "a_b", 1],
    ["tls://db:5432", "tls", "db", 5432],
    ["tls://db", "tls", "db", 443],
    ["udp://dns:53", "udp", "dns", 53],
    ["http://web", "http", "web", 80],
    ["h2c://web", "h2c", "web", 80],
    ["https://web/path?query", "https", "web", 443],
    ["ssh://host", "ssh", "host", 22],
    ["unix:///run/x.sock", "unix", "", 0],
    ["https+unix:///run/x.sock", "https+unix", "", 0],
  ])("%s", (url, scheme, host, port) => {
    expect(parseTo(url)).toEqual({ upstream: { url, scheme, host, port, weight: 1 }, isWeighted: false });
  });

  it.each([
    ["tcp://db:1,1", "tcp://db:1", 1],
    ["tcp://db:1, 25", "tcp://db:1", 25],
    ["http://web/a,b,4294967295", "http://web/a,b", 4294967295],
  ])("the weight of %s", (text, url, weight) => {
    expect(parseTo(text)).toMatchObject({ upstream: { url, weight }, isWeighted: true });
  });
});

describe("parseTo() refuses", () => {
  it.each([
    ["", "route-url/not-a-url"],
    ["db:5432", "route-url/not-a-url"],
    ["quic://db:1", "route-url/scheme"],
    ["tcp+https://db:1", "route-url/scheme"],
    ["tcp://user:password@db:1", "route-url/userinfo"],
    ["tcp://", "route-url/authority"],
    ["tcp://db:0", "route-url/authority"],
    ["tcp://*.example.com:1", "route-url/authority"],
    ["tcp://::1", "route-url/authority"],
    ["tcp://db:1,0", "route-url/weight"],
    ["tcp://db:1,-1", "route-url/weight"],
    ["tcp://db:1,1.5", "route-url/weight"],
    ["tcp://db:1,", "route-url/weight"],
    ["tcp://db:1,4294967296", "route-url/weight"],
    ["tcp://a:1,tcp://b:1", "route-url/weight"],
    [`tcp://${"a".repeat(5000)}`, "route-url/too-long"],
  ])("%s", (text, code) => {
    expect(() => parseTo(text)).toThrow(expect.objectContaining({ code }));
  });
});
