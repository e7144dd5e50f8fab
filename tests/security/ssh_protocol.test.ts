import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-types="@types/ssh2"
import ssh2, { type Client, type ConnectConfig } from "ssh2";
import { concatBytes, utf8 } from "../../lib/base/bytes.ts";
import { sshString, sshUint32 } from "../../lib/codec/ssh_wire.ts";
import { IDENT, kexinit, packet, RawSsh } from "../_support/raw_ssh.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const SSH_MSG_IGNORE = Uint8Array.of(2);
const SSH_MSG_SERVICE_REQUEST = Uint8Array.of(5);
const SSH_MSG_KEXECDH_INIT = Uint8Array.of(30);
const SSH_MSG_USERAUTH_REQUEST = Uint8Array.of(50);
const SSH_MSG_CHANNEL_OPEN = Uint8Array.of(90);

const ignore = packet(SSH_MSG_IGNORE, sshString(""));
const authenticate = packet(
  SSH_MSG_USERAUTH_REQUEST,
  sshString("ada"),
  sshString("ssh-connection"),
  sshString("none"),
);
const openChannel = packet(
  SSH_MSG_CHANNEL_OPEN,
  sshString("session"),
  sshUint32(0),
  sshUint32(0),
  sshUint32(0),
);

describe("the SSH server", () => {
  let folder: string | undefined;
  let gateway: TestGateway;
  // One for each test, with the keys of the first: a host that breaks the rules is not served for a while.
  beforeEach(async () => {
    gateway = await startTestGateway("ssh_address: 127.0.0.1:0", folder === undefined ? {} : { folder });
    folder = gateway.folder;
  }, 30_000);
  afterEach(() => gateway.gateway.stop());
  afterAll(() => Deno.remove(folder!, { recursive: true }));
  const port = () => gateway.gateway.sshAddress!.port;

  it.each([
    ["a message before the key exchange that both count from", [IDENT, ignore, kexinit({ isStrict: true })]],
    ["a message within it", [IDENT, kexinit({ isStrict: true }), ignore]],
    ["a second beginning of it", [IDENT, kexinit({ isStrict: true }), kexinit({ isStrict: true })]],
    ["a sign-in before the keys", [IDENT, kexinit({ isStrict: true }), authenticate]],
    ["a channel before the keys", [IDENT, kexinit({ isStrict: true }), openChannel]],
    ["a service before the keys", [IDENT, packet(SSH_MSG_SERVICE_REQUEST, sshString("ssh-userauth"))]],
    ["a point that is none", [
      IDENT,
      kexinit({ isStrict: true }),
      packet(SSH_MSG_KEXECDH_INIT, sshString("")),
    ]],
    ["a key exchange with nothing in common", [IDENT, kexinit({ isStrict: true, cipher: "aes128-cbc" })]],
    ["a packet of 4 GiB", [IDENT, new Uint8Array(64).fill(255)]],
    ["a packet of 35,001 bytes", [IDENT, sshUint32(35_001), new Uint8Array(35_001)]],
    ["a packet that is padding only", [IDENT, sshUint32(12), Uint8Array.of(255), new Uint8Array(11)]],
    ["a line that does not end", [utf8(`SSH-2.0-${"x".repeat(9000)}`)]],
    ["HTTP", [utf8("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]],
    ["version 1", [utf8("SSH-1.5-x\r\n")]],
  ])("ends a connection at %s", async (_, parts) => {
    using client = await RawSsh.connect(port());
    await client.send(...parts as Uint8Array[]);
    await client.ended;
    expect(client.messages()).not.toContain(6);
    await until(() => gateway.gateway.openConnections === 0 || undefined);
  });

  it("does not take the cipher that loses messages unseen from a client that does not count them", async () => {
    const seen = await negotiate({ cipher: ["chacha20-poly1305@openssh.com"] }, { isStrict: false });
    expect(seen).toBe("ended");
    expect(await negotiate({ cipher: ["aes256-gcm@openssh.com"] }, { isStrict: false })).toBe("denied");
    expect(await negotiate({ cipher: ["chacha20-poly1305@openssh.com"] }, { isStrict: true })).toBe("denied");
  });

  it.each([
    ["kex", "ecdh-sha2-nistp256"],
    ["kex", "diffie-hellman-group14-sha1"],
    ["cipher", "aes128-cbc"],
    ["hmac", "hmac-sha1"],
    ["hmac", "hmac-sha2-256"],
    ["serverHostKey", "ssh-rsa"],
    ["compress", "zlib"],
  ])("does not speak %s %s", async (kind, name) => {
    const cipher = kind === "hmac" ? { cipher: ["aes128-ctr"] } : {};
    expect(await negotiate({ ...cipher, [kind]: [name] } as ConnectConfig["algorithms"])).toBe("ended");
  });

  it("opens no channel and forwards nothing before somebody has signed in", async () => {
    const client = new ssh2.Client();
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const answers: string[] = [];
    client.on("error", () => {});
    client.on("handshake", () => resolve());
    client.connect({ host: "127.0.0.1", port: port(), username: "ada", authHandler: () => {} });
    await ready;
    const raw = client as unknown as {
      _protocol: {
        _handlers: Record<string, unknown>;
        session(channel: number, window: number, size: number): void;
        directTcpip(channel: number, window: number, size: number, where: unknown): void;
        tcpipForward(host: string, port: number, wantsReply: boolean): void;
      };
    };
    const { _protocol: protocol } = raw;
    protocol._handlers.CHANNEL_OPEN_FAILURE = () => answers.push("no channel");
    protocol._handlers.CHANNEL_OPEN_CONFIRMATION = () => answers.push("channel");
    protocol._handlers.REQUEST_FAILURE = () => answers.push("no forwarding");
    protocol._handlers.REQUEST_SUCCESS = () => answers.push("forwarding");
    protocol.session(0, 1024, 1024);
    protocol.directTcpip(1, 1024, 1024, { srcIP: "127.0.0.1", srcPort: 1, dstIP: "127.0.0.1", dstPort: 22 });
    protocol.tcpipForward("", 0, true);
    await until(() => answers.length === 3 || undefined);
    expect(answers.toSorted()).toEqual(["no channel", "no channel", "no forwarding"]);
    client.destroy();
  });

  /** @returns `denied` when the server speaks so and asks for a key, `ended` when it leaves */
  function negotiate(
    algorithms: ConnectConfig["algorithms"],
    { isStrict = true }: { isStrict?: boolean } = {},
  ): Promise<"denied" | "ended"> {
    const client: Client = new ssh2.Client();
    const { promise, resolve } = Promise.withResolvers<"denied" | "ended">();
    client.on("error", (error) => resolve(error.level === "client-authentication" ? "denied" : "ended"));
    client.on("close", () => resolve("ended"));
    client.connect({ host: "127.0.0.1", port: port(), username: "ada", algorithms: algorithms! });
    if (!isStrict) {
      const offer = (client as unknown as { _protocol: { _offer: Offer } })._protocol._offer;
      forgetStrict(offer);
    }
    return promise.finally(() => client.destroy());
  }
});

interface Offer {
  totalSize: number;
  lists: { kex: { array: string[]; buffer: Uint8Array }; all: Uint8Array };
}

/** Makes of an offer of ssh2 one of a client from before 2024. */
function forgetStrict(offer: Offer): void {
  const { kex, all } = offer.lists;
  const names = kex.array.filter((name) => !name.startsWith("kex-strict"));
  const rest = all.subarray(4 + kex.buffer.length);
  const buffer = utf8(names.join(","));
  offer.lists.kex = { array: names, buffer };
  offer.lists.all = concatBytes([sshString(buffer), rest]);
  offer.totalSize = offer.lists.all.length;
}
