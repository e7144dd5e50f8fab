import { afterEach, describe, expect, it } from "vitest";
import { GatewayError } from "../../lib/gateway/gateway_error.ts";
import { signInAtProvider, startWithProvider } from "../_support/oidc_provider.ts";
import { requirePeer } from "../_support/peers.ts";
import { approve, SshUser } from "../_support/ssh.ts";
import { freePort } from "../_support/free_port.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const hasSsh = requirePeer("ssh");
let gateway: TestGateway | null = null;
afterEach(async () => {
  await gateway?.[Symbol.asyncDispose]();
  gateway = null;
});

/** The keys that a server shows, as `type base64`. */
async function hostKeys(port: number): Promise<string[]> {
  const args = ["-p", String(port), "127.0.0.1"];
  const { stdout } = await new Deno.Command("ssh-keyscan", { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.split(" ").slice(1).join(" "))
    .toSorted();
}

describe.skipIf(!hasSsh)("a gateway with ssh_address", () => {
  it("makes its keys, says which, and keeps them", async () => {
    const first = await startTestGateway("ssh_address: 127.0.0.1:0");
    const keys = await hostKeys(first.gateway.sshAddress!.port);
    expect(keys.map((key) => key.split(" ")[0])).toEqual(["ssh-ed25519", "ssh-rsa"]);
    const told = first.linesOf("serving SSH")[0]!["host-keys"] as string[];
    expect(told).toEqual([
      expect.stringMatching(/^ssh-ed25519 SHA256:/),
      expect.stringMatching(/^ssh-rsa SHA256:/),
    ]);
    for (const name of ["ssh_host_ed25519_key", "ssh_host_rsa_key", "ssh_user_ca_key"]) {
      expect((await Deno.stat(`${first.folder}/state/${name}`)).mode! & 0o777).toBe(0o600);
    }
    const { folder } = first;
    await first.gateway.stop();
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0", { folder });
    expect(await hostKeys(gateway.gateway.sshAddress!.port)).toEqual(keys);
    const line = await Deno.readTextFile(`${folder}/state/ssh_user_ca_key.pub`);
    const { stdout } = await new Deno.Command("ssh-keygen", {
      args: ["-y", "-f", `${folder}/state/ssh_user_ca_key`],
    })
      .output();
    expect(new TextDecoder().decode(stdout).trim()).toBe(line.trim());
  });

  it("shows the keys that are configured, and no others", async () => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/host`;
    for (const [type, name] of [["ecdsa", "host"], ["ed25519", "inline"]]) {
      await new Deno.Command("ssh-keygen", { args: ["-q", "-t", type!, "-N", "", "-f", `${folder}/${name}`] })
        .output();
    }
    const inline = btoa(await Deno.readTextFile(`${folder}/inline`));
    gateway = await startTestGateway(
      `ssh_address: 127.0.0.1:0\nssh_host_key_files: [${file}]\nssh_host_keys: [${inline}]`,
    );
    const keys = await hostKeys(gateway.gateway.sshAddress!.port);
    expect(keys.map((key) => key.split(" ")[0])).toEqual(["ecdsa-sha2-nistp256", "ssh-ed25519"]);
    await Deno.remove(folder, { recursive: true });
  });

  it.each([0o640, 0o604])("refuses a key with mode %o", async (mode) => {
    const folder = await Deno.makeTempDir();
    const file = `${folder}/host`;
    await new Deno.Command("ssh-keygen", { args: ["-q", "-t", "ed25519", "-N", "", "-f", file] }).output();
    await Deno.chmod(file, mode);
    await expect(startTestGateway(`ssh_address: 127.0.0.1:0\nssh_host_key_files: [${file}]`))
      .rejects.toMatchObject({ code: "gateway/key-exposed" } satisfies Partial<GatewayError>);
    await Deno.remove(folder, { recursive: true });
  });

  it("refuses what is no key, and shows nothing of it", async () => {
    const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\\nc2VjcmV0\\n-----END OPENSSH PRIVATE KEY-----";
    const started = startTestGateway(`ssh_address: 127.0.0.1:0\nssh_host_keys: ["${secret}"]`);
    await expect(started).rejects.toMatchObject({ code: "ssh/bad-key" });
    await expect(started).rejects.not.toThrow("c2VjcmV0");
  });

  it("follows the configuration to another port, back, and to none", async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    const own = gateway;
    const first = own.gateway.sshAddress!.port;
    const keys = await hostKeys(first);
    const change = async (line: string) => {
      await own.writeConfig(line);
      await own.gateway.reloader.reload("test");
    };
    const other = freePort();
    await change(`ssh_address: 127.0.0.1:${other}`);
    expect(own.gateway.sshAddress!.port).toBe(other);
    expect(await hostKeys(other)).toEqual(keys);
    await change(`ssh_address: 127.0.0.1:${own.port}`);
    expect(own.gateway.sshAddress!.port).toBe(other);
    await change("routes: []");
    expect(own.gateway.sshAddress).toBeNull();
    await expect(Deno.connect({ hostname: "127.0.0.1", port: other })).rejects.toThrow();
  });

  it("ends a connection with a sentence when it stops", async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
    await using ssh = user.start(["-N", "ada@127.0.0.1"]);
    await gateway.line("SSH sign-in", 2);
    await gateway.gateway.stop();
    expect((await ssh.ended).stderr).toContain("The gateway is stopping");
  });

  it("lets a person sign in again at another gateway that shares the store", async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
    const { folder } = gateway;
    await gateway.gateway.stop();
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0", { folder });
    const same = new SshUser(user.folder, gateway.gateway.sshAddress!.port);
    expect(await same.run(["ada@127.0.0.1", "whoami"])).toMatchObject({ code: 0 });
  });

  it("has people sign in with an identity provider", async () => {
    await using setup = await startWithProvider({ config: "ssh_address: 127.0.0.1:0\nroutes: []" });
    await using user = await SshUser.create(setup.gateway);
    await using ssh = user.start(["ann@127.0.0.1", "whoami"]);
    using browser = setup.browse();
    const url = await ssh.signInUrl();
    await signInAtProvider(browser, url);
    expect(await approve(browser, { url, name: "ann" })).toMatchObject({ status: 200 });
    expect((await ssh.ended).stdout).toContain("User ID:    ann-1\n");
  });

  it("writes down who signed which key in, and from where", async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
    const key = await user.fingerprint();
    expect(gateway.linesOf("key approved")[0]).toMatchObject({
      ip: "127.0.0.1",
      key,
      "session-id": expect.any(String),
    });
    expect(gateway.linesOf("SSH sign-in")[0]).toMatchObject({ ip: "127.0.0.1", key, "user-name": "ada" });
    expect(gateway.written.join("\n")).not.toMatch(/user_code|PRIVATE KEY/);
    await until(() => gateway!.gateway.openConnections === 0 || undefined);
  });
});
