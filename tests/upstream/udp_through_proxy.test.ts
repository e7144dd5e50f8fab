import { expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { dialUdp } from "../../lib/upstream/dial_udp.ts";
import { serveTcp } from "../_support/echo.ts";
import { until } from "../_support/test_gateway.ts";
import { closedPort, failureOf, poolWith, resourcesOfTests } from "./_support.ts";

const resources = resourcesOfTests();
const proxy = { target: { host: "dns.test", port: 53 }, via: "1.1 test" };

/** A proxy that answers so, then sends back what it gets. */
function serveProxy(answer: string) {
  const service = serveTcp(async (conn) => {
    const bytes = new Uint8Array(4096);
    await conn.read(bytes);
    await conn.write(utf8(answer));
    for (let count = await conn.read(bytes); count !== null; count = await conn.read(bytes)) {
      await conn.write(bytes.subarray(0, count));
    }
  });
  resources.add(service);
  return service;
}

function poolTo(...to: string[]) {
  return poolWith({ from: "udp+https://dns.test:53", to });
}

it("a proxy carries datagrams, and counts as busy until the flow is closed", async () => {
  const service = serveProxy("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  const { pool, grant } = await poolTo(
    `http://127.0.0.1:${closedPort()}`,
    `http://127.0.0.1:${service.port}`,
  );
  const { flow, upstream } = await dialUdp(grant, pool, { proxy });
  const received: string[] = [];
  const receiving = flow.receive((payload) => void received.push(new TextDecoder().decode(payload)));
  receiving.catch(() => {});
  flow.send(utf8("a question"));
  await until(() => received.length > 0);
  expect([received, upstream.port]).toEqual([["a question"], service.port]);
  expect(pool.states().map(({ requests, connections }) => [requests, connections])).toEqual([[0, 0], [1, 1]]);
  flow.close();
  flow.close();
  expect(pool.states().map(({ requests, connections }) => [requests, connections])).toEqual([[0, 0], [0, 0]]);
});

it("a proxy that does not carry UDP is a failure", async () => {
  const service = serveProxy("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n");
  const { pool, grant } = await poolTo(`http://127.0.0.1:${service.port}`);
  expect((await failureOf(dialUdp(grant, pool, { proxy }))).code).toBe("dial/proxy-failed");
  expect(pool.states()).toMatchObject([{ requests: 0, connections: 0 }]);
});
