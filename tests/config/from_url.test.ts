import { describe, expect, it } from "vitest";
import { parseFrom } from "../../lib/config/from_url.ts";
import type { AuthorityPattern, RouteProtocol } from "../../lib/config/config.ts";

const at = (host: string, port: number | null): AuthorityPattern => ({ host, port });

describe("parseFrom() reads", () => {
  it.each<[string, RouteProtocol, AuthorityPattern, AuthorityPattern[]]>([
    ["tcp+https://DB.example.com:5432", "tcp", at("db.example.com", null), [at("db.example.com", 5432)]],
    ["tcp+https://db.example.com", "tcp", at("db.example.com", null), [at("db.example.com", null)]],
    ["tcp+https://db.example.com/", "tcp", at("db.example.com", null), [at("db.example.com", null)]],
    ["TCP+HTTPS://db.example.com.:1", "tcp", at("db.example.com", null), [at("db.example.com", 1)]],
    ["tcp+https://[::1]:22", "tcp", at("::1", null), [at("::1", 22)]],
    ["tcp+https://[2001:DB8::1]", "tcp", at("2001:db8::1", null), [at("2001:db8::1", null)]],
    ["tcp+https://*.Example.com:22", "tcp", at("*.example.com", null), [at("*.example.com", 22)]],
    ["tcp+https://*", "tcp", at("*", null), [at("*", null)]],
    ["udp+https://a*b.example.com", "udp", at("a*b.example.com", null), [at("a*b.example.com", null)]],
    ["tcp+https://proxy:8443/db:5432", "tcp", at("proxy", 8443), [at("db", 5432)]],
    ["tcp+https://proxy/db:5432/", "tcp", at("proxy", null), [at("db", 5432)]],
    ["tcp+https://*.proxy.example:8443/db", "tcp", at("*.proxy.example", 8443), [at("db", null)]],
    ["tcp+https://proxy/[::1]:22/b:3", "tcp", at("proxy", null), [at("::1", 22), at("b", 3)]],
    ["udp+https://proxy:8443/dns:53", "udp", at("proxy", 8443), [at("dns", 53)]],
    ["https://a.example.com", "http", at("a.example.com", null), [at("a.example.com", null)]],
    ["https://a.example.com:8443/", "http", at("a.example.com", 8443), [at("a.example.com", 8443)]],
    ["http://a.example.com", "http", at("a.example.com", null), [at("a.example.com", null)]],
    ["ssh://bastion", "ssh", at("bastion", null), [at("bastion", null)]],
    ["ssh://bastion:22", "ssh", at("bastion", null), [at("bastion", null)]],
  ])("%s", (url, protocol, gateway, destinations) => {
    expect(parseFrom(url)).toEqual({ url, protocol, gateway, destinations });
  });
});

describe("parseFrom() refuses", () => {
  it.each([
    ["", "route-url/not-a-url"],
    ["db.example.com:5432", "route-url/not-a-url"],
    ["//db:5432", "route-url/not-a-url"],
    [" tcp+https://db:1", "route-url/not-a-url"],
    ["tcp+https:db:1", "route-url/not-a-url"],
    ["tcp://db:5432", "route-url/scheme"],
    ["ftp://db", "route-url/scheme"],
    ["tcp+http://db:1", "route-url/scheme"],
    ["tcp+https://user:password@db:1", "route-url/userinfo"],
    ["tcp+https://user@db:1", "route-url/userinfo"],
    ["tcp+https://db:1?x=y", "route-url/query"],
    ["tcp+https://db:1#x", "route-url/query"],
    ["https://a.example.com/x?y", "route-url/query"],
    ["https://a.example.com/x", "route-url/path"],
    ["ssh://a/x", "route-url/path"],
    ["tcp+https://proxy/*.example.com:1", "route-url/wildcard"],
    ["tcp+https://proxy/db:*", "route-url/wildcard"],
    ["tcp+https://proxy/a:1//b:2", "route-url/authority"],
    ["tcp+https://proxy//a:1", "route-url/authority"],
    ["tcp+https://proxy/user@db:1", "route-url/authority"],
    ["tcp+https://", "route-url/authority"],
    ["tcp+https://:22", "route-url/authority"],
    ["tcp+https://db:0", "route-url/authority"],
    ["tcp+https://db:65536", "route-url/authority"],
    ["tcp+https://db:x", "route-url/authority"],
    ["tcp+https://db:", "route-url/authority"],
    ["tcp+https://db:*", "route-url/authority"],
    ["tcp+https://::1:22", "route-url/authority"],
    ["tcp+https://[::1", "route-url/authority"],
    ["tcp+https://[*]:1", "route-url/authority"],
    ["tcp+https://a b:1", "route-url/authority"],
    ["tcp+https://d%62:1", "route-url/authority"],
    ["tcp+https://ä.example.com:1", "route-url/authority"],
    [`tcp+https://proxy/${Array(65).fill("a:1").join("/")}`, "route-url/too-many"],
    [`tcp+https://${"a".repeat(5000)}`, "route-url/too-long"],
  ])("%s", (url, code) => {
    expect(() => parseFrom(url)).toThrow(expect.objectContaining({ code }));
  });

  it("with what to write instead", () => {
    expect(() => parseFrom("db:5432")).toThrow(
      expect.objectContaining({ hint: "as in tcp+https://db.example.com:5432" }),
    );
  });

  it("without repeating a password", () => {
    expect(() => parseFrom("tcp+https://user:hunter2@db:1")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });
});
