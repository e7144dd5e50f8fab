import { expect, it } from "vitest";
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
  shown,
  useAcceptors,
  WORKER_DESCRIPTORS,
} from "./_acceptors.ts";

useAcceptors();

it("acceptTls() shows its only certificate to every name, without asking which", async () => {
  const select = () => {
    throw new Error("was asked");
  };
  const acceptor = listen({ certificates: { certificates: [{ pair: pairs.a }], select } });
  expect([await shown(acceptor, "a.test"), await shown(acceptor, "b.test")]).toEqual(["a.test", "a.test"]);
});

it("acceptTls() with one certificate really closes clients whose time is over", async () => {
  const acceptor = listen({ certificates: only(pairs.a) });
  const clients = await Promise.all(Array.from({ length: 20 }, () => dialPlain(acceptor)));
  await until(() => acceptor.openConnections === 20);
  const most = openDescriptors();
  clock.advance(HANDSHAKE_TIMEOUT_MS);
  await until(() => acceptor.openConnections === 0);
  await until(() => openDescriptors() <= most - 20 + WORKER_DESCRIPTORS);
  await Promise.all(clients.map(hungUp));
  expect(complaints).toEqual(Array(20).fill("TLS handshake failed"));
});

it("acceptTls() does not hand over a client that finishes after its time", async () => {
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
  expect(connections).toHaveLength(0);
});
