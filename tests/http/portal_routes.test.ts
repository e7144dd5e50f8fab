import { describe, expect, it } from "vitest";
import type { Route } from "../../lib/config/config.ts";
import { parseFrom } from "../../lib/config/from_url.ts";
import { RouteTable } from "../../lib/config/route_table.ts";
import { parseTo } from "../../lib/config/to_url.ts";
import { openRoutes } from "../../lib/http/portal_routes.ts";
import { compilePolicy } from "../../lib/policy/compile.ts";
import { parsePolicy } from "../../lib/policy/parse.ts";

const EVERYBODY = compilePolicy(parsePolicy({ allow: { or: [{ accept: true }] } }));

function isServed(from: string, to: readonly string[], { hasSsh = true } = {}): boolean | undefined {
  const route = {
    id: "r",
    from: parseFrom(from),
    to: to.map((url) => parseTo(url).upstream),
    http: null,
    settings: {},
    policy: EVERYBODY,
  } as unknown as Route;
  const factsOn = () => ({ now: 0, sourceIp: "192.0.2.1", session: null, clientCertificate: null }) as never;
  return openRoutes([route], { table: new RouteTable([route]), factsOn, hasSsh })[0]?.isServed;
}

describe("openRoutes() finds served", () => {
  it.each<[from: string, to: string[], isServed: boolean]>([
    ["tcp+https://a.test:1", ["tcp://10.0.0.1:1"], true],
    ["tcp+https://a.test:1", ["tls://10.0.0.1:1"], true],
    ["tcp+https://a.test:1", ["http://proxy.test:3128", "https://proxy.test:3129"], true],
    ["tcp+https://a.test:1", ["tcp://10.0.0.1:1", "udp://10.0.0.1:1"], false],
    ["udp+https://a.test:1", ["udp://10.0.0.1:1"], true],
    ["udp+https://a.test:1", ["https://gateway.test:443"], true],
    ["udp+https://a.test:1", ["tcp://10.0.0.1:1"], false],
    ["https://a.test", ["https://10.0.0.1"], true],
    ["https://a.test", ["h2c://10.0.0.1"], true],
    ["https://a.test", [], true],
    ["https://a.test", ["tcp://10.0.0.1:1"], false],
  ])("a route from %s to %j: %s", (from, to, expected) => {
    expect(isServed(from, to)).toBe(expected);
  });

  it.each([true, false])("a route from ssh:// on a gateway that listens for SSH: %s", (hasSsh) => {
    expect(isServed("ssh://db", ["ssh://10.0.0.1:22"], { hasSsh })).toBe(hasSsh);
  });
});
