import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJm";

function loadRoute(keys: Readonly<Record<string, unknown>>) {
  const route = { from: "ssh://box", to: "ssh://db.test:2222", ...keys };
  return load(JSON.stringify({ ssh_address: ":2200", ...JSON.parse(oneRoute(route)) }));
}

describe("loadConfig() reads the host keys of a route:", () => {
  it.each([
    ["none", {}, null],
    ["one", { ssh_host_key: KEY }, [KEY]],
    ["several, each once", { ssh_host_key: [`${KEY} comment`, OTHER, KEY] }, [KEY, OTHER]],
    ["several lines of one text", { ssh_host_key: `${KEY}\n${OTHER}\n` }, [KEY, OTHER]],
    ["lines about the server", { ssh_known_hosts: `# ours\n[db.test]:2222 ${KEY}\ndb.test ${OTHER}\n` }, [
      KEY,
    ]],
    ["both keys", { ssh_known_hosts: `* ${KEY}`.replace("*", "[*]:2222"), ssh_host_key: OTHER }, [
      OTHER,
      KEY,
    ]],
    [
      "not those that are revoked",
      { ssh_known_hosts: [`[db.test]:2222 ${KEY}`, `[db.test]:2222 ${OTHER}`, `@revoked * ${OTHER}`] },
      [KEY],
    ],
    ["localhost by that name", { to: "ssh://localhost", ssh_known_hosts: `localhost ${KEY}` }, [KEY]],
  ])("%s", async (_, keys, expected) => {
    const { config, complaints } = await loadRoute(keys);
    expect(complaints).toEqual([]);
    expect(config!.routes[0]!.sshHostKeys).toEqual(expected);
  });

  it.each([
    ["what is no key", { ssh_host_key: "ssh-ed25519 AAAA" }, "config/bad-value"],
    ["what is no line of known_hosts", { ssh_known_hosts: "db.test" }, "config/bad-value"],
    ["lines about other servers only", { ssh_known_hosts: `other.test ${KEY}` }, "config/never-matches"],
    ["no line at all", { ssh_known_hosts: "" }, "config/never-matches"],
    ["nothing but revoked keys", { ssh_known_hosts: `@revoked * ${KEY}` }, "config/never-matches"],
    ["authorities", { ssh_known_hosts: `@cert-authority * ${KEY}` }, "config/unsupported-value"],
  ])("refuses %s", async (_, keys, code) => {
    const loaded = await loadRoute(keys);
    expect(loaded.config).toBeNull();
    expect(codesOf(loaded)).toContain(`error ${code}`);
  });

  it("has no effect on a route that is not one of SSH", async () => {
    const { config, complaints } = await load(oneRoute({ ssh_host_key: KEY }));
    expect(complaints).toMatchObject([{ severity: "warning", code: "config/no-effect" }]);
    expect(config!.routes[0]!.sshHostKeys).toBeNull();
  });
});
