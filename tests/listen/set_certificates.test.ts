import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";
import type { CertificateChoice } from "../../lib/listen/certificate_choice.ts";
import type { Acceptor } from "../../lib/listen/tls_acceptor.ts";
import { openDescriptors, readExactly, until } from "../_support/test_gateway.ts";
import {
  cleanUp,
  codeOf,
  connect,
  connections,
  dialPlain,
  either,
  listen as listenWith,
  only,
  pairs,
  shown,
  useAcceptors,
  WORKER_DESCRIPTORS,
} from "./_acceptors.ts";

useAcceptors();

const listen = (certificates: CertificateChoice): Acceptor =>
  listenWith({ certificates, clock: systemClock });

/** Who is shown to `a.test` and to `b.test`. */
async function shownTo(acceptor: Acceptor): Promise<unknown[]> {
  return [await shown(acceptor, "a.test"), await shown(acceptor, "b.test")];
}

describe("Acceptor.setCertificates()", () => {
  const onlyA = () => only(pairs.a);
  const onlyB = () => only(pairs.b);
  const swapped = () => either({ a: pairs.b, b: pairs.a });

  it.each<[string, () => CertificateChoice, () => CertificateChoice, string[]]>([
    ["one to another one", onlyA, onlyB, ["b.test", "b.test"]],
    ["one to several", onlyA, () => either(), ["a.test", "b.test"]],
    ["several to one", () => either(), onlyB, ["b.test", "b.test"]],
    ["several to others", () => either(), swapped, ["b.test", "a.test"]],
    ["one to the same", onlyA, onlyA, ["a.test", "a.test"]],
  ])("changes %s, on the same port", async (_, first, second, names) => {
    const acceptor = listen(first());
    const { port } = acceptor;
    await connect(acceptor);
    acceptor.setCertificates(second());
    for (let i = 0; i < 5; i++) expect(await shownTo(acceptor)).toEqual(names);
    expect(acceptor.port).toBe(port);
    await until(() => acceptor.openConnections === 11);
  });

  it.each<[string, () => CertificateChoice, () => CertificateChoice]>([
    ["one", onlyA, onlyB],
    ["several", () => either(), swapped],
    ["one to several", onlyA, swapped],
    ["several to one", () => either(), onlyB],
  ])("lets connections live on, and handshakes that have begun (%s)", async (_, first, second) => {
    const acceptor = listen(first());
    const socket = await connect(acceptor);
    const { stream } = await until(() => connections[0]);
    const proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const slow = connect(proxy.addr);
    const near = await proxy.accept();
    proxy.close();
    const far = await dialPlain(acceptor);
    await until(() => acceptor.openConnections === 2);
    acceptor.setCertificates(second());
    socket.write("still here");
    expect(await readExactly(stream, 10)).toBe("still here");
    void near.readable.pipeTo(far.writable).catch(() => {});
    void far.readable.pipeTo(near.writable).catch(() => {});
    await slow;
    await until(() => connections.length === 2);
    stream.close();
    await once(socket.resume(), "end");
    await until(() => acceptor.openConnections === 1);
  });

  it("refuses nobody while several change to others, again and again", async () => {
    const acceptor = listen(either());
    let done = false;
    let served = 0;
    const clients = Promise.all(Array.from({ length: 4 }, async () => {
      for (; !done; served++) (await connect(acceptor)).destroy();
    }));
    clients.catch(() => {});
    for (const next of [swapped, either, swapped]) {
      const before = served;
      acceptor.setCertificates(next());
      await Promise.race([clients, until(() => served > before + 8)]);
    }
    done = true;
    await clients;
  });

  it.each<[string, () => CertificateChoice, () => CertificateChoice]>([
    ["one", onlyA, onlyB],
    ["several to one", () => either(), onlyB],
  ])("serves those who wait when it changes (%s)", async (_, first, second) => {
    const acceptor = listen(first());
    const clients = Promise.all(Array.from({ length: 40 }, () => connect(acceptor)));
    acceptor.setCertificates(second());
    await clients;
    await until(() => connections.length === 40);
  });

  it.each<[string, () => CertificateChoice]>([["one", onlyA], ["several", () => either()]])(
    "refuses a certificate that is none, and goes on with what it had (%s)",
    async (_, first) => {
      const acceptor = listen(first());
      const expected = await shownTo(acceptor);
      const bad = { certPem: "garbage", keyPem: "garbage" };
      for (const choice of [only(bad), either({ a: pairs.b, b: bad })]) {
        expect(codeOf(() => acceptor.setCertificates(choice))).toBe("listen/bad-certificate");
      }
      expect(() => acceptor.setCertificates({ ...only(bad), certificates: [] })).toThrow(TypeError);
      expect(await shownTo(acceptor)).toEqual(expected);
    },
  );

  it("is refused once the acceptor is disposed", async () => {
    const acceptor = listen(onlyA());
    await acceptor[Symbol.asyncDispose]();
    expect(() => acceptor.setCertificates(onlyB())).toThrow(TypeError);
  });

  it("leaves nothing of the old certificates open", async () => {
    const acceptor = listen(either());
    await shownTo(acceptor);
    const before = openDescriptors();
    for (let i = 0; i < 10; i++) {
      // Copies are other objects: a choice that is read again is never the same one.
      acceptor.setCertificates(i % 2 ? either({ a: { ...pairs.a }, b: { ...pairs.b } }) : swapped());
      acceptor.setCertificates(either({ a: pairs.a, b: { ...pairs.a } }));
    }
    acceptor.setCertificates(either());
    await until(() => openDescriptors() <= before + WORKER_DESCRIPTORS);
    await cleanUp();
    await until(() => openDescriptors() <= before - 1 + WORKER_DESCRIPTORS);
  });
});
