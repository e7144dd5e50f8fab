import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute, transcriptOf } from "./_load.ts";

const ADA = [{ allow: { and: [{ email: "ada@example.com" }] } }];

describe("upstream_tunnel", () => {
  it("is absent unless it is written", async () => {
    expect((await load(oneRoute({}))).config!.routes[0]!.upstreamTunnel).toBeNull();
  });

  it.each([
    ["https://app.example.com", "http://localhost:1"],
    ["ssh://box", "ssh://localhost:1"],
    ["tcp+https://db.example.com:5432", "tcp://localhost:1"],
    ["udp+https://vpn.example.com:51820", "udp://localhost:1"],
  ])("can stand on a route from %s", async (from, to) => {
    const loaded = await load(oneRoute({ from, to, upstream_tunnel: { ssh_policy: ADA } }));
    expect(codesOf(loaded).filter((code) => code.startsWith("error"))).toEqual([]);
    expect(loaded.config!.routes[0]!.upstreamTunnel!.sshPolicy.isEmpty).toBe(false);
  });

  it("needs to know where its publishers find the service", async () => {
    const text = "routes: [{ from: https://app.example.com, upstream_tunnel: { ssh_policy: [] } }]";
    expect(transcriptOf(await load(text))).toContain("hint: say where its publishers find the service");
  });

  it("lets nobody publish without a policy, and warns", async () => {
    const loaded = await load(oneRoute({ upstream_tunnel: {} }));
    expect(codesOf(loaded)).toEqual(["warning config/denies-everyone"]);
    expect(loaded.config!.routes[0]!.upstreamTunnel!.sshPolicy.isEmpty).toBe(true);
  });

  it("leads an ssh:// route to several servers", async () => {
    const keys = { from: "ssh://box", to: ["ssh://a", "ssh://b"] };
    expect(codesOf(await load(oneRoute(keys)))).toContain("error config/bad-to");
    const tunnel = await load(oneRoute({ ...keys, upstream_tunnel: { ssh_policy: ADA } }));
    expect(codesOf(tunnel)).not.toContain("error config/bad-to");
  });

  it.each([
    [
      "a policy with a fault",
      { ssh_policy: [{ allow: { and: [{ emial: "x" }] } }] },
      "policy/unknown-criterion",
    ],
    ["Rego", { ssh_policy_rego: ["package x"] }, "config/unenforced-key"],
    ["another type", ["x"], "config/wrong-type"],
  ])("is refused with %s", async (_, tunnel, code) => {
    const loaded = await load(oneRoute({ upstream_tunnel: tunnel }));
    expect(loaded.config).toBeNull();
    expect(codesOf(loaded)).toContain(`error ${code}`);
  });

  it("shows where the fault of its policy is", async () => {
    const loaded = await load(`routes:
  - from: tcp+https://db.example.com:5432
    to: tcp://10.0.0.5:5432
    allow_any_authenticated_user: true
    upstream_tunnel:
      ssh_policy:
        - allow: { and: [{ emial: x }] }
`);
    expect(transcriptOf(loaded)).toContain("routes.yaml:7:28");
  });

  it("asks for the client certificate that callers are asked for, but not of a login by SSH", async () => {
    const { TestAuthority } = await import("../_support/test_authority.ts");
    const { pem } = await TestAuthority.create("callers");
    const keys = JSON.parse(oneRoute({ upstream_tunnel: { ssh_policy: ADA } }));
    const loaded = await load(JSON.stringify({
      ...keys,
      downstream_mtls: { ca: btoa(pem), enforcement: "reject_connection" },
    }));
    const { sshPolicy, httpPolicy } = loaded.config!.routes[0]!.upstreamTunnel!;
    expect(sshPolicy.deny.parts).toHaveLength(0);
    expect(httpPolicy.deny.parts).toHaveLength(1);
  });
});
