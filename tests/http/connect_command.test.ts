import { describe, expect, it } from "vitest";
import type { Route } from "../../lib/config/config.ts";
import { parseFrom } from "../../lib/config/from_url.ts";
import { compatibleCommand, ownCommands, pageAddress } from "../../lib/http/connect_command.ts";
import type { OpenRoute } from "../../lib/http/portal_routes.ts";

const AT_443 = "https://gw.example.com";
const AT_8443 = "https://gw.example.com:8443";

function open(url: string, options: { isServed?: boolean; settings?: Route["settings"] } = {}): OpenRoute {
  const from = parseFrom(url);
  const { isServed = true, settings = {} } = options;
  // Of a route, only its address counts here.
  return { route: { from, settings } as Route, destinations: from.destinations, isServed };
}

const own = (url: string, origin: string) =>
  ownCommands(open(url), { origin }).map(({ text, isTemplate }) => isTemplate ? `${text} ?` : text);

describe("ownCommands()", () => {
  it.each<[from: string, origin: string, commands: string[]]>([
    ["tcp+https://db.example.com:5432", AT_443, ["sallyport tcp db.example.com:5432"]],
    [
      "tcp+https://db.example.com:5432",
      AT_8443,
      [`sallyport tcp db.example.com:5432 --gateway-url ${AT_8443}`],
    ],
    [
      "tcp+https://gw.example.com:8443/db:5432",
      AT_443,
      ["sallyport tcp tcp+https://gw.example.com:8443/db:5432"],
    ],
    ["tcp+https://gw.example.com/db:5432", AT_443, ["sallyport tcp tcp+https://gw.example.com/db:5432"]],
    ["tcp+https://gw.example.com/db:5432", AT_8443, [`sallyport tcp db:5432 --gateway-url ${AT_8443}`]],
    [
      "tcp+https://gw:8443/a:1/b:2",
      AT_443,
      ["sallyport tcp tcp+https://gw:8443/a:1", "sallyport tcp tcp+https://gw:8443/b:2"],
    ],
    ["tcp+https://[::1]:22", AT_443, ["sallyport tcp '[::1]:22'"]],
    ["tcp+https://*.lab.example.com:22", AT_443, ["sallyport tcp *.lab.example.com:22 ?"]],
    ["tcp+https://db.example.com", AT_443, ["sallyport tcp db.example.com:PORT ?"]],
    ["udp+https://dns.example.com:53", AT_443, ["sallyport udp dns.example.com:53"]],
    ["https://wiki.example.com", AT_443, []],
    ["ssh://shell", AT_443, []],
  ])("for %s at %s are %j", (from, origin, commands) => {
    expect(own(from, origin)).toEqual(commands);
  });

  it.each<[origin: string, sshPort: number, command: string]>([
    [AT_443, 22, "ssh USER@shell@gw.example.com"],
    [AT_8443, 2222, "ssh -p 2222 USER@shell@gw.example.com"],
    ["https://[2001:db8::1]", 22, "ssh USER@shell@2001:db8::1"],
  ])("for ssh://shell at %s and port %d is %j, with a name to be put in", (origin, sshPort, text) => {
    expect(ownCommands(open("ssh://shell"), { origin, sshPort })).toEqual([{ text, isTemplate: true }]);
  });

  it("are none for what is not served", () => {
    const route = open("tcp+https://db.example.com:5432", { isServed: false });
    expect([ownCommands(route, { origin: AT_443 }), compatibleCommand(route)]).toEqual([[], null]);
  });
});

describe("compatibleCommand()", () => {
  it.each<[from: string, command: string | null]>([
    ["tcp+https://db.example.com:5432", "pomerium-cli tcp db.example.com:5432"],
    ["udp+https://dns.example.com:53", "pomerium-cli udp dns.example.com:53"],
    ["tcp+https://gw.example.com:8443/db:5432", "pomerium-cli tcp tcp+https://gw.example.com:8443/db:5432"],
    ["tcp+https://gw:8443/a:1/b:2", "pomerium-cli tcp tcp+https://gw:8443/a:1/b:2"],
    ["tcp+https://*.lab.example.com:22", null],
    ["tcp+https://*.example.com:8443/db:22", null],
    ["tcp+https://db.example.com", null],
    ["https://wiki.example.com", null],
    ["ssh://shell", null],
  ])("for %s is %s", (from, command) => {
    expect(compatibleCommand(open(from))).toBe(command);
  });
});

describe("pageAddress()", () => {
  it.each<[from: string, origin: string, settings: Route["settings"], address: string | null]>([
    ["https://wiki.example.com", AT_443, {}, "https://wiki.example.com/"],
    ["https://wiki.example.com", AT_8443, {}, "https://wiki.example.com:8443/"],
    ["https://wiki.example.com:9443", AT_8443, {}, "https://wiki.example.com:9443/"],
    ["https://wiki.example.com", AT_443, { prefix: "/docs/" }, "https://wiki.example.com/docs/"],
    ["https://wiki.example.com", AT_443, { path: "/only", prefix: "/x" }, "https://wiki.example.com/only"],
    [
      "https://wiki.example.com",
      AT_443,
      { prefix: "//evil.example" },
      "https://wiki.example.com//evil.example",
    ],
    ["https://wiki.example.com", AT_443, { prefix: "javascript:alert(1)" }, "https://wiki.example.com/"],
    ["https://*.example.com", AT_443, {}, null],
    ["tcp+https://db.example.com:1", AT_443, {}, null],
  ])("of %s at %s with %j is %s", (from, origin, settings, address) => {
    expect(pageAddress(open(from, { settings }), { origin })).toBe(address);
  });

  it("is none for what is not served", () => {
    expect(pageAddress(open("https://wiki.example.com", { isServed: false }), { origin: AT_443 })).toBeNull();
  });
});
