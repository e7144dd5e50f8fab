import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { streamWith } from "../../lib/base/stream_with.ts";
import { connectTls } from "../../lib/base/tls_client.ts";
import { makeCertificates, type TestCertificates } from "../client/_certificates.ts";

const MIB = 1024 * 1024;

let certificates: TestCertificates;
let listener: Deno.TlsListener;
beforeEach(async () => {
  certificates = await makeCertificates("localhost");
  const { certPem: cert, keyPem: key } = certificates;
  listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key, alpnProtocols: ["h2", "http/1.1"] });
});
afterEach(() => listener.close());

/** A client, the server's end, and how many bytes the client has taken from the network. */
async function pair(
  options: { name?: string; signal?: AbortSignal } = {},
): Promise<{ client: ByteStream; server: ByteStream; alpn: string | null; taken: () => number }> {
  const accepting = listener.accept().then(async (conn) => {
    await conn.handshake().catch(() => {});
    return denoStream(conn);
  });
  const raw = denoStream(
    await Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }),
  );
  let taken = 0;
  const counted = streamWith(raw, {
    async read(into) {
      const count = await raw.read(into);
      taken += count ?? 0;
      return count;
    },
  });
  const connecting = connectTls(counted, {
    connection: {
      host: options.name ?? "localhost",
      servername: options.name ?? "localhost",
      ca: certificates.caPem,
      ALPNProtocols: ["h2"],
    },
    signal: options.signal ?? AbortSignal.timeout(10_000),
  });
  connecting.catch(() => {});
  const server = await accepting;
  try {
    const { stream: client, alpn } = await connecting;
    return { client, server, alpn, taken: () => taken };
  } catch (error) {
    server.close();
    throw error;
  }
}

async function count(stream: Pick<ByteStream, "read">): Promise<number> {
  const into = new Uint8Array(64 * 1024);
  let total = 0;
  for (let n = await stream.read(into); n !== null; n = await stream.read(into)) total += n;
  return total;
}

async function send(stream: ByteStream, bytes: number): Promise<void> {
  const chunk = new Uint8Array(128 * 1024);
  for (let sent = 0; sent < bytes; sent += chunk.length) await stream.write(chunk);
  await stream.closeWrite();
}

describe("connectTls()", () => {
  it("agrees on a protocol and carries bytes both ways", async () => {
    const { client, server, alpn } = await pair();
    expect(alpn).toBe("h2");
    const into = new Uint8Array(100);
    await client.write(utf8("question"));
    expect(fromUtf8(into.subarray(0, (await server.read(into))!))).toBe("question");
    await server.write(utf8("answer"));
    expect(fromUtf8(into.subarray(0, (await client.read(into.subarray(0, 3)))!))).toBe("ans");
    expect(fromUtf8(into.subarray(0, (await client.read(into))!))).toBe("wer");
    client.close();
    server.close();
  });

  it("goes on reading after its own end, and hears the other's", async () => {
    const { client, server } = await pair();
    await client.closeWrite();
    expect(await count(server)).toBe(0);
    await send(server, MIB);
    expect(await count(client)).toBe(MIB);
    client.close();
    server.close();
  });

  it("takes no more from the network while nobody reads, and then loses nothing, its end included", async () => {
    const { client, server, taken } = await pair();
    const sending = send(server, 64 * MIB);
    const into = new Uint8Array(1);
    await client.read(into);
    // It stops by itself: wait until nothing has come for a while, however slow the machine.
    for (let before = -1; before !== taken();) {
      before = taken();
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(taken()).toBeLessThan(MIB);
    expect(await count(client)).toBe(64 * MIB - 1);
    await sending;
    client.close();
    server.close();
  });

  it("waits with writing until the other has read", async () => {
    const { client, server } = await pair();
    let isSent = false;
    const sending = send(client, 64 * MIB).then(() => isSent = true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isSent).toBe(false);
    expect(await count(server)).toBe(64 * MIB);
    await sending;
    client.close();
    server.close();
  });

  it("fails reads and writes once it is closed", async () => {
    const { client, server } = await pair();
    const reading = client.read(new Uint8Array(1));
    reading.catch(() => {});
    client.close();
    client.close();
    await expect(reading).rejects.toThrow();
    await expect(client.write(utf8("x"))).rejects.toThrow();
    server.close();
  });

  it("rejects an untrusted server, and gives up when told to", async () => {
    const trusted = certificates;
    certificates = await makeCertificates("localhost");
    await expect(pair()).rejects.toThrow();
    certificates = trusted;
    await expect(pair({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});
