import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { requirePeer } from "../_support/peers.ts";
import { IDENT, RawSsh } from "../_support/raw_ssh.ts";
import { SshUser } from "../_support/ssh.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

describe("1,000 connections that do not sign in", () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
  }, 30_000);
  afterEach(() => gateway[Symbol.asyncDispose]());

  it.skipIf(!requirePeer("ssh"))("are bounded, and keep no other host out", async () => {
    const port = gateway.gateway.sshAddress!.port;
    const clients: RawSsh[] = [];
    for (let n = 0; n < 1000; n++) {
      const client = await RawSsh.connect(port);
      await client.send(IDENT);
      clients.push(client);
    }
    const refused = () => gateway.linesOf("SSH connection refused").length;
    await until(() => refused() === 1000 - 64 || undefined);
    expect(gateway.gateway.openConnections).toBe(64);
    await using user = await SshUser.create(gateway);
    const other = ["-b", "127.0.0.2", "ada@127.0.0.1", "whoami"];
    expect(await user.signIn(gateway, { name: "ada", args: other })).toMatchObject({ code: 0 });
    for (const client of clients) client[Symbol.dispose]();
    await until(() => gateway.gateway.openConnections === 0 || undefined);
  }, 60_000);

  it("have their host turned away for a while", async () => {
    const port = gateway.gateway.sshAddress!.port;
    const nonsense = async () => {
      using client = await RawSsh.connect(port);
      await client.send(utf8("nonsense\r\n"));
      await client.ended;
    };
    await Promise.all(Array.from({ length: 40 }, nonsense));
    await until(() => gateway.gateway.openConnections === 0 || undefined);
    await nonsense();
    await until(() => gateway.linesOf("SSH connection refused").length > 0 || undefined);
    expect(gateway.linesOf("SSH connection refused")[0]).toMatchObject({ error: "the host keeps failing" });
  });
});

describe("a client that goes at any moment", () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0");
    await gateway.addUser("ada", { email: "ada@example.com" });
  }, 30_000);
  afterEach(() => gateway[Symbol.asyncDispose]());

  it.skipIf(!requirePeer("ssh"))("leaves nothing behind, and the gateway serving", async () => {
    await using user = await SshUser.create(gateway);
    await user.signIn(gateway, { name: "ada" });
    const commands = [["-tt", "ada@127.0.0.1"], ["-N", "-R", "0", "ada@127.0.0.1"], [
      "ada@127.0.0.1",
      "whoami",
    ]];
    for (const afterMs of [0, 20, 40, 60, 80, 120]) {
      await Promise.all(commands.map(async (args) => {
        await using _ssh = user.start(args);
        await new Promise((resolve) => setTimeout(resolve, afterMs));
      }));
    }
    await until(() => gateway.gateway.openConnections === 0 || undefined);
    expect(await user.run(["ada@127.0.0.1", "whoami"])).toMatchObject({ code: 0 });
    expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
  }, 30_000);
});
