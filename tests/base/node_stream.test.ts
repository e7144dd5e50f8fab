import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { nodeStream } from "../../lib/base/node_stream.ts";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { readAll, readExactly } from "../_support/test_gateway.ts";

interface Pair {
  readonly near: ByteStream;
  readonly far: ByteStream;
  /** What `far` was made of. */
  readonly farDuplex: net.Socket;
}

const cleanup = new Set<() => void>();
let identity: { cert: string; key: string; ca: string };

beforeAll(async () => {
  const now = Date.now();
  const authority = await createAuthority({ now, commonName: "Test authority" });
  const { certPem, keyPem } = await issueServerCertificate({ authority, names: ["localhost"], now });
  identity = { cert: certPem, key: keyPem, ca: authority.certPem };
});

afterEach(() => {
  for (const run of cleanup) run();
  cleanup.clear();
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  cleanup.add(() => server.close());
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

function pairOf(near: net.Socket, far: net.Socket): Pair {
  cleanup.add(() => [near, far].forEach((duplex) => duplex.destroy()));
  return { near: nodeStream(near), far: nodeStream(far), farDuplex: far };
}

async function tcpPair(): Promise<Pair> {
  const server = net.createServer({ allowHalfOpen: true });
  const accepted = once(server, "connection");
  const near = net.connect({ port: await listen(server), host: "127.0.0.1", allowHalfOpen: true });
  const [far] = await accepted;
  return pairOf(near, far);
}

async function tlsPair(): Promise<Pair> {
  const server = tls.createServer({ ...identity, allowHalfOpen: true });
  const accepted = once(server, "secureConnection");
  const options = { host: "localhost", servername: "localhost", ca: identity.ca, allowHalfOpen: true };
  const near = tls.connect({ ...options, host: "127.0.0.1", port: await listen(server) });
  const [far] = await accepted;
  return pairOf(near, far);
}

describe.each([["TCP", tcpPair], ["TLS", tlsPair]])(
  "nodeStream() over %s",
  (_, open) => {
    it("carries bytes both ways, in pieces as small as the reader likes", async () => {
      const { near, far } = await open();
      await near.write(utf8("ping"));
      expect([await readExactly(far, 1), await readExactly(far, 3)]).toEqual(["p", "ing"]);
      await far.write(utf8("pong"));
      expect(await readExactly(near, 4)).toBe("pong");
    });

    it("passes on the end of one side while the other goes on", async () => {
      const { near, far } = await open();
      await near.write(utf8("question"));
      await near.closeWrite();
      expect(await readAll(far)).toEqual(utf8("question"));
      await far.write(utf8("answer"));
      await far.closeWrite();
      expect(await readAll(near)).toEqual(utf8("answer"));
      expect(await near.read(new Uint8Array(1))).toBeNull();
    });

    it("fails what is pending when it is closed, and can be closed twice", async () => {
      const { near } = await open();
      const reading = near.read(new Uint8Array(1));
      near.close();
      near.close();
      await expect(reading).rejects.toThrow();
      await expect(near.write(utf8("x"))).rejects.toThrow("closed");
    });
  },
);

// Not over TLS: the platform's `node:tls` takes any amount of writes, and once its reader has paused, never tells it the end.
describe("nodeStream() over TCP", () => {
  it("carries 4 MB unchanged", async () => {
    const { near, far } = await tcpPair();
    const sent = Uint8Array.from({ length: 4_000_000 }, (_, i) => (i * 31) ^ (i >> 8));
    const [received] = await Promise.all([readAll(far), near.write(sent).then(() => near.closeWrite())]);
    expect(received.length).toBe(sent.length);
    expect(received.every((byte, i) => byte === sent[i])).toBe(true);
  });

  it("holds the writer back while nobody reads", async () => {
    const { near, far } = await tcpPair();
    const total = 64 * 1024 * 1024;
    const chunk = new Uint8Array(1024 * 1024);
    let written = 0;
    let isStuck = Promise.withResolvers<"stuck">();
    const writing = (async () => {
      while (written < total) {
        const timer = setTimeout(() => isStuck.resolve("stuck"), 100);
        await near.write(chunk);
        clearTimeout(timer);
        written += chunk.length;
      }
      return "done";
    })();
    expect(await Promise.race([writing, isStuck.promise])).toBe("stuck");
    expect(written).toBeLessThan(total);
    isStuck = Promise.withResolvers();
    near.close();
    far.close();
    await expect(writing).rejects.toThrow();
  });

  it("fails a pending read, and every write after it, when the peer vanishes", async () => {
    const { near, far, farDuplex } = await tcpPair();
    await near.write(utf8("x"));
    await readExactly(far, 1);
    const reading = near.read(new Uint8Array(1)).then((count) => `read ${count}`, () => "failed");
    farDuplex.resetAndDestroy();
    expect(await reading).toBe("failed");
    await expect(near.write(utf8("x"))).rejects.toThrow();
    await expect(near.closeWrite()).rejects.toThrow();
  });
});
