import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirePeer } from "../_support/peers.ts";
import { SshUser } from "../_support/ssh.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

describe.skipIf(!requirePeer("ssh"))("OpenSSH speaks with the gateway by", () => {
  let gateway: TestGateway;
  let user: SshUser;
  beforeAll(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
  }, 30_000);
  afterAll(async () => {
    await user[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });

  it.each([
    ["KexAlgorithms", "curve25519-sha256"],
    ["KexAlgorithms", "curve25519-sha256@libssh.org"],
    ["KexAlgorithms", "diffie-hellman-group16-sha512"],
    ["KexAlgorithms", "diffie-hellman-group18-sha512"],
    ["HostKeyAlgorithms", "ssh-ed25519"],
    ["HostKeyAlgorithms", "rsa-sha2-256"],
    ["HostKeyAlgorithms", "rsa-sha2-512"],
    ["Ciphers", "chacha20-poly1305@openssh.com"],
    ["Ciphers", "aes256-gcm@openssh.com"],
    ["Ciphers", "aes128-gcm@openssh.com"],
    ["Ciphers", "aes256-ctr"],
    ["Ciphers", "aes128-ctr"],
    ["MACs", "hmac-sha2-256-etm@openssh.com"],
    ["MACs", "hmac-sha2-512-etm@openssh.com"],
  ])("%s %s", async (kind, name) => {
    const cipher = kind === "MACs" ? ["-o", "Ciphers=aes256-ctr"] : [];
    const { code, stdout } = await user.run([...cipher, "-o", `${kind}=${name}`, "ada@127.0.0.1", "whoami"]);
    expect([code, stdout.includes("ada@example.com")]).toEqual([0, true]);
  });

  it("chacha20-poly1305 when it may choose", async () => {
    const { stderr } = await user.run(["-v", "ada@127.0.0.1", "whoami"]);
    expect(stderr).toContain("kex: server->client cipher: chacha20-poly1305@openssh.com");
    expect(stderr).toContain("kex: algorithm: curve25519-sha256");
    expect(stderr).toMatch(/server-sig-algs=<ssh-ed25519,[^>]*rsa-sha2-512,rsa-sha2-256>/);
  });

  it("new keys in the midst of it", async () => {
    const { code, stderr } = await user.run(["-v", "-o", "RekeyLimit=16", "ada@127.0.0.1", "whoami"]);
    expect(code).toBe(0);
    expect(stderr.match(/SSH2_MSG_KEXINIT sent/g)!.length).toBeGreaterThan(1);
  });
});
