import type { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";
import { FormBrowser } from "../_support/form_browser.ts";
import { requirePeer } from "../_support/peers.ts";
import {
  SecurityKeyAgent,
  type SecurityKeyKind,
  SoftwareSecurityKey,
  USER_PRESENT,
  USER_VERIFIED,
} from "../_support/security_key.ts";
import { approve, RunningSsh, SshUser } from "../_support/ssh.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { until } from "../_support/until.ts";

describe("signing in", () => {
  let gateway: TestGateway;
  let user: SshUser;
  beforeAll(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    user = await SshUser.create(gateway);
  }, 30_000);
  afterAll(async () => {
    await user?.[Symbol.asyncDispose]();
    await gateway?.[Symbol.asyncDispose]();
  });

  /** OpenSSH with a security key in its agent. */
  function start(socket: string): RunningSsh {
    // The first of two settings counts.
    const options = ["-o", `IdentityAgent=${socket}`, "-o", "IdentitiesOnly=no", ...user.options("none")];
    const args = [...options, "ada@127.0.0.1", "whoami"];
    return new RunningSsh(
      new Deno.Command("ssh", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn(),
    );
  }

  describe.skipIf(!requirePeer("ssh"))("with OpenSSH and a security key", () => {
    it.each<[SecurityKeyKind, number]>([
      ["sk-ssh-ed25519@openssh.com", USER_PRESENT!],
      ["sk-ecdsa-sha2-nistp256@openssh.com", USER_PRESENT! | USER_VERIFIED!],
    ])("of type %s is possible", async (kind, flags) => {
      const socket = `${user.folder}/${kind}.sock`;
      using _agent = new SecurityKeyAgent(socket, { key: new SoftwareSecurityKey(kind), flags });
      await using first = start(socket);
      using browser = new FormBrowser({ caPem: gateway.caPem });
      await approve(browser, { url: await first.signInUrl(), name: "ada" });
      expect(await first.ended).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("ada@example.com"),
      });
      await using second = start(socket);
      expect((await second.ended).code).toBe(0);
    });

    it("that nobody has touched is not", async () => {
      const socket = `${user.folder}/untouched.sock`;
      const key = new SoftwareSecurityKey("sk-ssh-ed25519@openssh.com");
      using _agent = new SecurityKeyAgent(socket, { key, flags: 0 });
      await using ssh = start(socket);
      const { code, stderr } = await ssh.ended;
      expect([code, stderr.includes("user_code=")]).toEqual([255, false]);
    });
  });

  it("with a key of RSA and SHA-1 is refused, and says why", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const client = new ssh2.Client();
    const banners: string[] = [];
    let failures = 0;
    client.on("error", () => {});
    client.on("banner", (text) => banners.push(text));
    const key = ssh2.utils.parseKey(privateKey.export({ type: "pkcs1", format: "pem" }) as string);
    client.connect({
      host: "127.0.0.1",
      port: gateway.gateway.sshAddress!.port,
      username: "ada",
      // First it asks whether the key could be used, then it uses it.
      authHandler: () => {
        const { _protocol: protocol } = client as unknown as { _protocol: Ssh2Protocol };
        protocol._handlers.USERAUTH_FAILURE = () => {
          if (++failures > 1) return;
          protocol.authPK("ada", key, "ssh-rsa", (data, done) => done(sign("sha1", data, privateKey)));
        };
        protocol.authPK("ada", key, "ssh-rsa");
      },
    });
    await until(() => failures === 2);
    client.destroy();
    expect(banners.join("")).toContain("SHA-2");
    expect(banners).toHaveLength(1);
  });
});

interface Ssh2Protocol {
  readonly _handlers: Record<string, () => void>;
  authPK(
    name: string,
    key: unknown,
    algorithm: string,
    signer?: (data: Buffer, done: (signature: Uint8Array) => void) => void,
  ): void;
}
