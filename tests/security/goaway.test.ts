import { afterAll, beforeAll, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { connectFrame, goawayFrame, RawHttp2 } from "../_support/raw_http2.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

const TUNNELS = 40;

let echo: TestService;
let gateway: TestGateway;

beforeAll(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://echo.example.com:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

it.each(Array.from({ length: 20 }, (_, round) => round))(
  "a client that says GOAWAY while it has 40 tunnels on one connection ends nothing but those, round %i",
  async () => {
    const client = await RawHttp2.open(gateway);
    const streams = Array.from({ length: TUNNELS }, (_, index) => 2 * index + 1);
    await client.send(streams.map((stream) => connectFrame(stream, "echo.example.com:7")));
    await until(() => gateway.gateway.tunnels.size === TUNNELS);
    await client.send([goawayFrame()]);
    client.close();
    await gateway.gateway.tunnels.empty();
    const { status, stream } = await gateway.connect("echo.example.com:7");
    stream.close();
    await gateway.gateway.tunnels.empty();
    expect(status).toBe(200);
  },
);
