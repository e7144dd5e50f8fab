import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../lib/base/clock.ts";
import { CARRIER_NAMES } from "../../lib/client/carrier.ts";
import { carriersOf, connect, connectCarrier } from "../../lib/client/connect.ts";
import { GatewayCarriers } from "../../lib/client/gateway_carriers.ts";
import { listenUdp } from "../../lib/client/udp_listener.ts";
import { freePort } from "../_support/free_port.ts";
import { listening, type RunningProgram, sallyport, start } from "../_support/programs.ts";
import { serveUdpEcho, type UdpService } from "../_support/udp_service.ts";
import { noMemory } from "../_support/no_memory.ts";

let echo: UdpService;
let folder: string;
const port = freePort();

beforeAll(async () => {
  echo = serveUdpEcho();
  folder = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  const routes = `
address: 127.0.0.1:${port}
codec_type: http3
routes:
  - from: udp+https://echo.test:7
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`;
  await Deno.writeTextFile(`${folder}/routes.yaml`, routes);
});

afterAll(async () => {
  echo[Symbol.dispose]();
  await Deno.remove(folder, { recursive: true });
});

/** A gateway as a program of its own. */
async function serve(): Promise<RunningProgram> {
  const gateway = start(sallyport("serve", "-c", `${folder}/routes.yaml`, "--state-dir", `${folder}/state`));
  await listening(port);
  return gateway;
}

it.each(CARRIER_NAMES)("packets go on over %s when the gateway has been started anew", async (carrier) => {
  const first = await serve();
  const caPem = await Deno.readTextFile(`${folder}/state/ca.pem`);
  const stop = new AbortController();
  const address = { tls: true, host: "localhost", port };
  const carriers = new GatewayCarriers({
    kind: "udp",
    gateway: address,
    forced: carrier,
    order: carriersOf(address),
    connect: (name, signal) =>
      connectCarrier(name, { gateway: address, trust: { caCerts: [caPem], verify: true }, signal }),
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
    onError() {},
    clock: systemClock,
    signal: stop.signal,
  });
  const program = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = {
    transport: "udp",
    hostname: "127.0.0.1",
    port: Number(listener.address.split(":").at(-1)),
  } as const;
  const exchange = async (text: string) => {
    const send = () => program.send(new TextEncoder().encode(text), to);
    await send();
    const again = setInterval(send, 200);
    let answer = "";
    while (answer !== text) answer = new TextDecoder().decode((await program.receive())[0]);
    clearInterval(again);
    return answer;
  };

  expect(await exchange("before")).toBe("before");
  await first[Symbol.asyncDispose]();
  await using _second = await serve();
  expect(await exchange("after")).toBe("after");

  stop.abort();
  carriers[Symbol.dispose]();
  await listener.finished;
  program.close();
}, 60_000);
