import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormBrowser } from "../_support/form_browser.ts";
import { requirePeer } from "../_support/peers.ts";
import { approve, RunningSsh } from "../_support/ssh.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

/** Runs a program that makes a key. */
async function make(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** A client, and how to run a command with a fresh key. */
const CLIENTS: Readonly<
  Record<string, (at: { folder: string; port: string; hostKey: string }) => Promise<string[]>>
> = {
  dbclient: (at) => dbclient("ed25519", at),
  // It signs with the hash that the gateway says is taken, both times that it says so.
  "dbclient with RSA": (at) => dbclient("rsa", at),
  async plink({ folder, port, hostKey }) {
    await make("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/id`);
    await make("puttygen", `${folder}/id`, "-O", "private", "-o", `${folder}/id.ppk`);
    return ["-batch", "-hostkey", hostKey, "-i", `${folder}/id.ppk`, "-P", port];
  },
};

function programOf(client: string): string {
  return client.split(" ")[0]!;
}

async function dbclient(type: string, { folder, port }: { folder: string; port: string }): Promise<string[]> {
  await make("dropbearkey", "-t", type, "-f", `${folder}/dropbear-${type}`);
  return ["-y", "-i", `${folder}/dropbear-${type}`, "-p", port];
}

describe("another SSH client", () => {
  let gateway: TestGateway;
  let folder: string;
  beforeAll(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
    folder = await Deno.makeTempDir();
  }, 30_000);
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  });

  it.each(Object.keys(CLIENTS).filter((name) => requirePeer(programOf(name))))(
    "%s signs in through a browser, and then without",
    async (client) => {
      const [told] = gateway.linesOf("serving SSH")[0]!["host-keys"] as string[];
      const port = String(gateway.gateway.sshAddress!.port);
      const options = await CLIENTS[client]!({ folder, port, hostKey: told!.split(" ")[1]! });
      const start = () => {
        const args = [...options, "ada@127.0.0.1", "whoami"];
        const env = { HOME: folder };
        return new RunningSsh(
          new Deno.Command(programOf(client), { args, env, stdin: "null", stdout: "piped", stderr: "piped" })
            .spawn(),
        );
      };
      await using first = start();
      using browser = new FormBrowser({ caPem: gateway.caPem });
      await approve(browser, { url: await first.signInUrl(), name: "ada" });
      expect(await first.ended).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("ada@example.com"),
      });
      await using second = start();
      const { code, stdout, stderr } = await second.ended;
      expect([code, stdout.includes("ada@example.com"), stderr.includes("user_code")]).toEqual([
        0,
        true,
        false,
      ]);
    },
  );
});
