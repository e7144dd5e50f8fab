import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import { connectFrame, getFrame, rawFrame, RawHttp2 } from "../_support/raw_http2.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

let echo: TestService;
let gateway: TestGateway;

beforeAll(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

const RST_STREAM = 3;
const SETTINGS = 4;
const PUSH_PROMISE = 5;
const PING = 6;
const WINDOW_UPDATE = 8;
const BEGINNINGS: readonly [string, readonly Uint8Array[]][] = [
  ["a tunnel", [connectFrame(1, "echo.test:7")]],
  ["a request", [getFrame(1)]],
  ["a request without end", [getFrame(1, { open: true })]],
];

describe.each(BEGINNINGS)(
  "An HTTP/2 client that begins %s and breaks a rule in the same breath",
  (_, beginning) => {
    it.each<[string, Uint8Array]>([
      ["a window update of the wrong length", rawFrame(WINDOW_UPDATE, 0, [0, 0])],
      ["a window update of nothing", rawFrame(WINDOW_UPDATE, 0, [0, 0, 0, 0])],
      ["a window beyond 2^31-1", rawFrame(WINDOW_UPDATE, 0, [0x7f, 0xff, 0xff, 0xff])],
      ["an initial window beyond 2^31-1", rawFrame(SETTINGS, 0, [0, 4, 0xff, 0xff, 0xff, 0xff])],
      ["a frame size below the least", rawFrame(SETTINGS, 0, [0, 5, 0, 0, 0, 1])],
      ["settings of a stream", rawFrame(SETTINGS, 1, [])],
      ["a ping of the wrong length", rawFrame(PING, 0, [1, 2, 3])],
      ["a reset of a stream that is none", rawFrame(RST_STREAM, 99, [0, 0, 0, 8])],
      ["a push", rawFrame(PUSH_PROMISE, 1, [0, 0, 0, 2, 0x82])],
      ["an even stream", getFrame(22)],
    ])("ends its connection and nothing else: %s", async (_what, violation) => {
      const client = await RawHttp2.open(gateway);
      await client.send([...beginning, violation]);
      await client.ended;
      client.close();
      await gateway.gateway.tunnels.empty();
      const { status } = await sendRaw(gateway, getRequest("/ping", { Host: "localhost" }));
      expect(status).toBe(200);
      expect(gateway.linesOf("a request handler failed")).toEqual([]);
    });
  },
);
