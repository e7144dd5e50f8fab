import { createSocket } from "node:dgram";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";
import { CARRIER_NAMES } from "../../lib/client/carrier.ts";
import { carriersOf, connect, connectCarrier } from "../../lib/client/connect.ts";
import { GatewayCarriers } from "../../lib/client/gateway_carriers.ts";
import { listenUdp } from "../../lib/client/udp_listener.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { serveUdpEcho, type UdpService } from "../_support/udp_service.ts";
import { until } from "../_support/until.ts";
import { noMemory } from "../_support/no_memory.ts";

const TUNNELS = 2000;
/** One after the other would take too long; all at once would overflow the queue of the sockets. */
const AT_ONCE = 50;

let echo: UdpService;
let gateway: TestGateway;

beforeAll(async () => {
  echo = serveUdpEcho();
  gateway = await startTestGateway(`
routes:
  - from: udp+https://echo.test:7
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

it.each(CARRIER_NAMES)("2,000 UDP tunnels at once over %s never cross their answers", async (carrier) => {
  const stop = new AbortController();
  const errors: unknown[] = [];
  const address = { tls: true, host: "localhost", port: gateway.port };
  const trust = { caCerts: [gateway.caPem], verify: true };
  using carriers = new GatewayCarriers({
    kind: "udp",
    gateway: address,
    forced: carrier,
    order: carriersOf(address),
    connect: (name, signal) => connectCarrier(name, { gateway: address, trust, signal }),
    memory: noMemory,
    now: Date.now,
  });
  const tokens = {
    current: () => Promise.resolve(null),
    renew: () => Promise.reject(new Error("no sign-in")),
  };
  const options = { carriers, tokens, userAgent: "test/1", signal: stop.signal };
  const listener = await listenUdp({ hostname: "127.0.0.1", port: 0 }, {
    open: () => connect((one, request) => one.openUdp({ host: "echo.test", port: 7 }, request), options),
    onError: (error) => errors.push(error),
    clock: systemClock,
    signal: stop.signal,
    maxPeers: TUNNELS,
  });
  const port = Number(listener.address.split(":").at(-1));
  const programs = await Promise.all(Array.from({ length: TUNNELS }, (_, id) => Program.start(id, port)));
  for (let start = 0; start < TUNNELS; start += AT_ONCE) {
    await Promise.all(programs.slice(start, start + AT_ONCE).map((program) => program.exchange("first")));
  }
  expect(gateway.gateway.tunnels.size).toBe(TUNNELS);
  for (let start = 0; start < TUNNELS; start += AT_ONCE) {
    await Promise.all(programs.slice(start, start + AT_ONCE).map((program) => program.exchange("again")));
  }
  expect(programs.filter(({ hasForeign }) => hasForeign)).toEqual([]);
  expect(errors).toEqual([]);
  for (const program of programs) program.close();
  stop.abort();
  carriers[Symbol.dispose]();
  await listener.finished;
  await gateway.gateway.tunnels.empty();
}, 120_000);

/** A local program that knows what belongs to it. */
class Program {
  hasForeign = false;
  readonly #received = new Set<string>();

  private constructor(
    readonly id: number,
    readonly socket: ReturnType<typeof createSocket>,
    readonly port: number,
  ) {
    socket.on("message", (payload) => {
      const text = payload.toString();
      if (text.startsWith(`${id}:`)) this.#received.add(text);
      else this.hasForeign = true;
    });
  }

  static start(id: number, port: number): Promise<Program> {
    const socket = createSocket("udp4");
    return new Promise((resolve) =>
      socket.bind(0, "127.0.0.1", () => resolve(new Program(id, socket, port)))
    );
  }

  /** Sends until the answer is there, as UDP asks for. */
  async exchange(what: string): Promise<void> {
    const text = `${this.id}:${what}`;
    const send = () => this.socket.send(text, this.port, "127.0.0.1");
    send();
    const again = setInterval(send, 2000);
    await until(() => this.#received.has(text));
    clearInterval(again);
  }

  close(): void {
    this.socket.close();
  }
}
