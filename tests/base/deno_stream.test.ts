import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { pump } from "../../lib/base/pump.ts";

type Conn = Parameters<typeof denoStream>[0];

function conn(overrides: Partial<Conn>): Conn {
  return {
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    closeWrite: () => Promise.resolve(),
    close() {},
    ...overrides,
  };
}

async function tcpPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
}

describe("denoStream()", () => {
  it("writes until everything was taken", async () => {
    const chunks: number[][] = [];
    const stream = denoStream(conn({
      write(bytes) {
        chunks.push([...bytes.subarray(0, 2)]);
        return Promise.resolve(Math.min(2, bytes.length));
      },
    }));
    await stream.write(Uint8Array.of(1, 2, 3, 4, 5));
    expect(chunks).toEqual([[1, 2], [3, 4], [5]]);
  });

  it("takes an end without the closing alert of TLS for the end", async () => {
    const stream = denoStream(conn({
      read: () => Promise.reject(new Deno.errors.UnexpectedEof("peer closed without close_notify")),
    }));
    expect(await stream.read(new Uint8Array(1))).toBeNull();
  });

  it("passes any other failure on", async () => {
    const stream = denoStream(conn({ read: () => Promise.reject(new Deno.errors.ConnectionReset("reset")) }));
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow(Deno.errors.ConnectionReset);
  });

  it("closes once", () => {
    let closes = 0;
    const stream = denoStream(conn({ close: () => void closes++ }));
    stream.close();
    stream.close();
    expect(closes).toBe(1);
  });

  it("fails a read that is pending when it is closed", async () => {
    const [a, b] = await tcpPair();
    const stream = denoStream(a);
    const pending = stream.read(new Uint8Array(1));
    stream.close();
    b.close();
    await expect(pending).rejects.toThrow();
  });

  it("carries an answer after the question was half-closed, over real sockets", async () => {
    const [a, b] = await tcpPair();
    const client = denoStream(a);
    const server = denoStream(b);
    const echoed = pump(server, server);
    await client.write(utf8("question"));
    await client.closeWrite();
    const into = new Uint8Array(64);
    expect(await client.read(into)).toBe(8);
    expect(await client.read(into)).toBeNull();
    await echoed;
    client.close();
    server.close();
  });

  it("tells its owner once that it was closed", () => {
    let told = 0;
    const stream = denoStream(conn({}), { onClose: () => void told++ });
    stream.close();
    stream.close();
    expect(told).toBe(1);
  });
});

describe("denoStream() with detectReset", () => {
  it("fails the read when the peer closes with unread bytes, which resets", async () => {
    const [a, b] = await tcpPair();
    const stream = denoStream(a, { detectReset: true });
    await stream.write(utf8("unread"));
    b.close();
    await expect(stream.read(new Uint8Array(1))).rejects.toThrow();
    stream.close();
  });

  it("reads the end when the peer half-closes, and can still send", async () => {
    const [a, b] = await tcpPair();
    const stream = denoStream(a, { detectReset: true });
    await b.closeWrite();
    expect(await stream.read(new Uint8Array(1))).toBeNull();
    await stream.write(utf8("x"));
    expect(await b.read(new Uint8Array(1))).toBe(1);
    stream.close();
    b.close();
  });

  it("reads the end when the peer closes politely", async () => {
    const [a, b] = await tcpPair();
    const stream = denoStream(a, { detectReset: true });
    b.close();
    expect(await stream.read(new Uint8Array(1))).toBeNull();
    stream.close();
  });

  it("reads the end when its own half was closed before", async () => {
    const [a, b] = await tcpPair();
    const stream = denoStream(a, { detectReset: true });
    await stream.closeWrite();
    b.close();
    expect(await stream.read(new Uint8Array(1))).toBeNull();
    stream.close();
  });
});
