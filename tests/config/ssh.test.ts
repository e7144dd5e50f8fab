import { describe, expect, it } from "vitest";
import { codesOf, load } from "./_load.ts";

const ROUTE = "{from: 'ssh://a', to: 'ssh://b:22', allow_any_authenticated_user: true}";

describe("loadConfig() reads of SSH", () => {
  it("nothing without ssh_address, and warns of routes that nobody reaches", async () => {
    const loaded = await load(`routes: [${ROUTE}]`);
    expect(loaded.config!.ssh).toBeNull();
    expect(codesOf(loaded)).toEqual(["warning config/not-served"]);
    expect(loaded.complaints[0]!.message).toContain("ssh_address");
  });

  it("where to listen, with everything on", async () => {
    const loaded = await load(`ssh_address: ":22"\nroutes: [${ROUTE}]`);
    expect(codesOf(loaded)).toEqual([]);
    expect(loaded.config!.ssh).toEqual({
      address: { hostname: "", port: 22 },
      hostKeys: [],
      userCaKey: null,
      allowsDirectTcpip: true,
      hasPortal: true,
    });
  });

  it("what is switched off", async () => {
    const flags = "{ssh_allow_direct_tcpip: false, ssh_routes_portal: false, ssh_upstream_tunnel: false}";
    const { config } = await load(`ssh_address: ":22"\nruntime_flags: ${flags}\nroutes: [${ROUTE}]`);
    expect(config!.ssh).toMatchObject({ allowsDirectTcpip: false, hasPortal: false });
    expect(config!.allowsReverseTunnels).toBe(false);
  });

  it("keys from files, in place, and in base64", async () => {
    const pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----";
    const { config } = await load(
      `ssh_address: ":22"
ssh_host_key_files: [keys/host]
ssh_host_keys: [${JSON.stringify(pem)}, ${btoa(pem)}]
ssh_user_ca_key_file: /etc/ca
routes: [${ROUTE}]`,
      { "keys/host": "HOST", "/etc/ca": "CA" },
    );
    expect(config!.ssh!.hostKeys).toEqual([
      { pem, file: null },
      { pem, file: null },
      { pem: "HOST", file: expect.stringMatching(/keys\/host$/) },
    ]);
    expect(config!.ssh!.userCaKey).toEqual({ pem: "CA", file: "/etc/ca" });
  });
});

describe("loadConfig() refuses of SSH", () => {
  it.each([
    ["ssh_address: here", "config/bad-value"],
    ["ssh_address: ':22'\nssh_host_key_files: [nowhere]", "config/file-unreadable"],
    ["ssh_address: ':22'\nssh_host_keys: ['hunter2!']", "config/bad-value"],
    ["ssh_address: ':22'\nssh_user_ca_key: aGk=\nssh_user_ca_key_file: x", "config/conflict"],
  ])("%s", async (text, code) => {
    const loaded = await load(`${text}\nroutes: [${ROUTE}]`, { x: "x" });
    expect(codesOf(loaded)).toContain(`error ${code}`);
    expect(JSON.stringify(loaded.complaints)).not.toContain("hunter2");
  });
});
