import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { getRequest, sendRaw, statuses } from "../_support/raw_http.ts";
import { RawService } from "../_support/raw_service.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { PUBLIC, routeTo } from "../gateway/_http_route.ts";

let service: RawService;
let gateway: TestGateway;
beforeAll(async () => {
  service = new RawService();
  gateway = await startTestGateway(
    `${routeTo(service.url, `allow_websockets: true\n${PUBLIC}`)}
  - from: tcp+https://raw.test:7
    to: ${service.url.replace("http", "tcp")}
    ${PUBLIC}
`,
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  service[Symbol.dispose]();
});

const UPGRADE =
  "GET /smuggled HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const CONNECT = "CONNECT raw.test:7 HTTP/1.1\r\nHost: raw.test:7\r\n\r\n/smuggled";
it("requests behind one whose client goes away are not begun, and leave nothing behind", async () => {
  using silent = new RawService((path) =>
    path === "/silent" ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
  );
  await using own = await startTestGateway(routeTo(silent.url));
  const stream = denoStream(await own.dial());
  const paths = ["/silent", "/a", "/b", "/silent"];
  await stream.write(utf8(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n\r\n`).join("")));
  await until(() => silent.received.includes("GET"));
  stream.close();
  await own.line("http-request", 1);
  await until(() => own.gateway.openConnections === 0);
  expect(silent.received.match(/GET \S+/g)).toEqual(["GET /silent"]);
});

it("a connection on which more waits behind a request than a head may be long is closed", async () => {
  using silent = new RawService(() => "");
  await using own = await startTestGateway(routeTo(silent.url));
  const stream = denoStream(await own.dial());
  await stream.write(utf8("GET /silent HTTP/1.1\r\nHost: app.test\r\n\r\n".repeat(2000)));
  expect(await stream.read(new Uint8Array(1)).catch(() => null)).toBeNull();
  await until(() => own.gateway.openConnections === 0);
  expect(silent.received.match(/GET/g)?.length ?? 0).toBeLessThanOrEqual(1);
  stream.close();
});

const NEXT: readonly [string, string][] = [["an upgrade", UPGRADE], ["a CONNECT", CONNECT]];

describe.each(NEXT)("%s", (_, next) => {
  it.each<[string, string]>([
    ["that can be read in two ways", "GET /a HTTP/1.1\r\nHost: app.test\r\nHost: b\r\n\r\n"],
    ["after which the connection ends", getRequest("/a", { Host: "app.test" })],
  ])("behind a request %s is not served", async (_what, first) => {
    service.received = "";
    const { text } = await sendRaw(gateway, first + next);
    expect(statuses(text)).toHaveLength(1);
    expect(service.received).not.toContain("/smuggled");
  });

  it("behind a request whose client goes away ends nothing but the connection", async () => {
    const descriptors = gateway.gateway.openConnections;
    for (let round = 0; round < 20; round++) {
      const stream = denoStream(await gateway.dial());
      const upload = "POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\nabc";
      await stream.write(utf8(upload + next));
      stream.close();
    }
    await until(() => gateway.gateway.openConnections <= descriptors);
    const { status } = await sendRaw(gateway, getRequest("/ping", { Host: "localhost" }));
    expect([status, gateway.linesOf("a request handler failed")]).toEqual([200, []]);
  });
});
