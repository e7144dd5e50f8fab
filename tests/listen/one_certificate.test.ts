import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { openDescriptors, until } from "../_support/test_gateway.ts";
import {
  clock,
  complaints,
  connect,
  connections,
  dialPlain,
  HANDSHAKE_TIMEOUT_MS,
  hungUp,
  listen,
  only,
  pairs,
  SHARES_PORTS,
  shown,
  useAcceptors,
  WORKER_DESCRIPTORS,
} from "./_acceptors.ts";

useAcceptors();

describe("acceptTls() with one certificate", () => {
  it("shows it to every name, without asking which", async () => {
    const select = () => {
      throw new Error("was asked");
    };
    const acceptor = listen({
      certificates: SHARES_PORTS ? { certificates: [{ pair: pairs.a }], select } : only(pairs.a),
    });
    expect([await shown(acceptor, "a.test"), await shown(acceptor, "b.test")]).toEqual(["a.test", "a.test"]);
  });

  // Closing it would not free its descriptor before the client does something, and nobody would know when.
  it.skipIf(!SHARES_PORTS)("counts a client whose time is over until it does something", async () => {
    const acceptor = listen({ certificates: only(pairs.a) });
    const clients = await Promise.all(Array.from({ length: 20 }, () => dialPlain(acceptor)));
    await until(() => acceptor.openConnections === 20);
    const most = openDescriptors();
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    expect(complaints).toEqual(Array(20).fill("TLS handshake timed out"));
    expect(acceptor.openConnections).toBe(20);
    for (const client of clients) await client.write(utf8("x\r\n\r\n\r\n"));
    await Promise.all(clients.map(hungUp));
    await until(() => acceptor.openConnections === 0);
    await until(() => openDescriptors() <= most - 20 + WORKER_DESCRIPTORS);
  });

  it.skipIf(!SHARES_PORTS)("does not hand over a client that finishes after its time", async () => {
    const acceptor = listen({ certificates: only(pairs.a) });
    const proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const client = connect(proxy.addr).catch(() => null);
    const near = await proxy.accept();
    proxy.close();
    const far = await dialPlain(acceptor);
    await until(() => acceptor.openConnections === 1);
    clock.advance(HANDSHAKE_TIMEOUT_MS);
    void near.readable.pipeTo(far.writable).catch(() => {});
    void far.readable.pipeTo(near.writable).catch(() => {});
    await client;
    await until(() => acceptor.openConnections === 0);
    expect(complaints).toEqual(["TLS handshake timed out", "TLS handshake failed"]);
    expect(connections).toHaveLength(0);
  });
});
