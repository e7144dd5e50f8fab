import type { ClientHttp2Session } from "node:http2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { http2Session } from "../_support/http2_session.ts";
import { getRequest, sendRaw, statuses } from "../_support/raw_http.ts";
import { RawService } from "../_support/raw_service.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { routeTo } from "../gateway/_http_route.ts";

let service: RawService;
let gateway: TestGateway;
let answer = "";
let session: ClientHttp2Session;

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

beforeAll(async () => {
  service = new RawService(() => answer);
  gateway = await startTestGateway(
    routeTo(service.url, "timeout: 0\nallow_public_unauthenticated_access: true"),
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  service[Symbol.dispose]();
});
beforeEach(() => {
  session = http2Session(gateway);
  session.on("error", () => {});
});
afterEach(() => session.destroy());

interface Seen {
  status: number;
  headers: Record<string, unknown>;
  hints: Record<string, unknown>[];
  trailers: Record<string, unknown>;
  /** Names and values of head and trailers in turn. */
  raw: string[];
  body: string;
}

/** What a client of HTTP/2 gets. With `open` it does not end its request. */
async function ask({ open = false } = {}): Promise<Seen> {
  const seen: Seen = { status: 0, headers: {}, hints: [], trailers: {}, raw: [], body: "" };
  const stream = session.request(
    { ":authority": "app.test", ":path": "/", ":method": open ? "POST" : "GET" },
    { endStream: !open },
  );
  stream.on("error", () => {});
  stream.on("headers", (headers) => seen.hints.push(headers));
  stream.on("response", (headers, _flags, raw) => {
    seen.status = Number(headers[":status"]);
    seen.headers = headers;
    seen.raw.push(...raw as unknown as string[]);
  });
  stream.on("trailers", (trailers: Record<string, unknown>, _flags: number, raw: string[]) => {
    seen.trailers = trailers;
    seen.raw.push(...raw);
  });
  stream.on("data", (chunk) => (seen.body += chunk));
  if (open) stream.write("x");
  await new Promise((resolve) => stream.once(open ? "response" : "close", resolve));
  return seen;
}

async function expectAlive(): Promise<void> {
  const { status } = await sendRaw(gateway, getRequest("/ping", { Host: "localhost" }));
  expect(status).toBe(200);
}

/** A hint and then the answer. */
function hinted(...fields: string[]): string {
  return `HTTP/1.1 103 Early Hints\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n${OK}`;
}

describe("A service cannot end the gateway by a hint", () => {
  it.each<[string, string]>([
    ["with a field of the connection", hinted("Keep-Alive: 1", "Link: </a>; rel=preload")],
    ["that says twice what can be said once", hinted("ETag: a", "ETag: b", "Link: </a>; rel=preload")],
    ["with a link that is none", hinted("Link: garbage")],
    ["with several links, of which one is none", hinted("Link: </a>; rel=preload", 'Link: "')],
    [
      "with a field that every object has",
      hinted("constructor: x", "__proto__: y", "Link: </a>; rel=preload"),
    ],
    [
      "with a coding, in another informational answer",
      `HTTP/1.1 102 Processing\r\nTransfer-Encoding: x\r\n\r\n${OK}`,
    ],
  ])("%s", async (_, text) => {
    answer = text;
    expect(await ask()).toMatchObject({ status: 200, body: "ok" });
    const raw = await sendRaw(gateway, getRequest("/", { Host: "app.test" }));
    expect(statuses(raw.text).at(-1)).toBe(200);
    await expectAlive();
  });
});

describe("A hint", () => {
  it("hints, and sets no cookie", async () => {
    answer = hinted("Set-Cookie: _pomerium=evil", "Link: </a>; rel=preload", "X-Other: 1");
    const { hints } = await ask();
    expect(hints).toMatchObject([{ ":status": 103, link: "</a>; rel=preload" }]);
    expect(JSON.stringify(hints)).not.toMatch(/cookie|other/);
    const { text } = await sendRaw(gateway, getRequest("/", { Host: "app.test" }));
    expect(text).toContain("103 Early Hints");
    expect(text).not.toMatch(/cookie|other/i);
  });

  it("is one of sixteen at most", async () => {
    answer = hinted("Link: </a>; rel=preload").replace(OK, "").repeat(5000) + OK;
    const { text } = await sendRaw(gateway, getRequest("/", { Host: "app.test" }));
    expect(statuses(text)).toEqual([...Array(16).fill(103), 200]);
    expect((await ask()).hints.length).toBeLessThanOrEqual(16);
  });
});

describe("A service cannot end the gateway by an answer", () => {
  it.each<[string, string]>([
    ["without body", "HTTP/1.1 204 No Content\r\nETag: a\r\nETag: b\r\n\r\n"],
    [
      "with a field that every object has",
      "HTTP/1.1 204 No Content\r\nconstructor: x\r\n__proto__: y\r\n\r\n",
    ],
  ])("that comes before the request is over: %s", async (_, text) => {
    answer = text;
    expect(await ask({ open: true })).toMatchObject({ status: 204 });
    await expectAlive();
  });

  it.each<[string, string]>([
    [
      "a protocol that nobody asked for",
      "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
    ],
    ["a status of no class", "HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n"],
    ["a status of a class that there is not", "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"],
  ])("that is no answer, nor keep the caller waiting: %s", async (_, text) => {
    answer = text;
    expect(await ask()).toMatchObject({ status: 503 });
    expect((await sendRaw(gateway, getRequest("/", { Host: "app.test" }))).status).toBe(503);
  });

  it("that says twice what can be said once: callers get both", async () => {
    answer = "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nX-Content-Type-Options: nosniff\r\n" +
      "Content-Length: 2\r\n\r\nok";
    const { status, raw } = await ask();
    expect([status, raw.filter((text) => text === "nosniff")]).toEqual([200, ["nosniff", "nosniff"]]);
  });
});

describe("The trailers of an answer", () => {
  const CHUNKS = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";

  it("set no cookie, say nothing of the connection, and come", async () => {
    answer =
      `${CHUNKS}Set-Cookie: _pomerium=evil\r\nConnection: close\r\nKeep-Alive: 1\r\nContent-Type: x/y\r\nX-Sum: 1\r\n\r\n`;
    const { trailers, body } = await ask();
    expect([body, Object.keys(trailers).filter((name) => !name.startsWith(":"))]).toEqual(["ok", ["x-sum"]]);
    const { text } = await sendRaw(gateway, getRequest("/", { Host: "app.test" }));
    expect(text.slice(text.indexOf("\r\n0\r\n"))).toBe("\r\n0\r\nX-Sum: 1\r\n\r\n");
  });

  it("may say twice what can be said once", async () => {
    answer = `${CHUNKS}ETag: a\r\nETag: b\r\nconstructor: x\r\n\r\n`;
    const { status, body, raw } = await ask();
    expect([status, body, raw.join(" ")]).toEqual([200, "ok", expect.stringMatching(/etag a etag b/)]);
  });
});

describe("The cookies of a service", () => {
  it.each<[string, string]>([
    ["the session", "_pomerium=evil; Path=/"],
    ["the session, without a name of its own", "=_pomerium=evil; Path=/"],
    ["the session, without a name of its own, after spaces", " = _pomerium=evil"],
    ["that of the sign-in", "__Host-_pomerium_authenticate=evil; Secure; Path=/"],
    ["that of forms, without a name of its own", "=__Host-_pomerium_csrf=evil"],
  ])("are not taken for %s", async (_, cookie) => {
    answer = `HTTP/1.1 200 OK\r\nSet-Cookie: ${cookie}\r\nSet-Cookie: own=1\r\nContent-Length: 0\r\n\r\n`;
    const { headers } = await sendRaw(gateway, getRequest("/", { Host: "app.test" }));
    expect(headers.getSetCookie()).toEqual(["own=1"]);
  });
});

it.each([
  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
  "HTTP/1.1 200 ",
  "HTTP/1.1 103 Early Hints\r\n\r\n",
])(
  "A service that speaks unasked is not asked again on that connection: %j",
  async (text) => {
    using own = new RawService(() => OK);
    await using between = await startTestGateway(routeTo(own.url));
    await sendRaw(between, getRequest("/", { Host: "app.test" }));
    expect(own.open).toBe(1);
    await own.say(text);
    await until(() => own.open === 0);
    expect((await sendRaw(between, getRequest("/", { Host: "app.test" }))).body).toBe("ok");
  },
);

describe("The answer of a service to a request for another protocol", () => {
  it("ends for the service when its caller goes", async () => {
    using events = new RawService(() =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    );
    await using own = await startTestGateway(
      routeTo(events.url, "allow_websockets: true\nallow_public_unauthenticated_access: true"),
    );
    const stream = denoStream(await own.dial());
    await stream.write(
      utf8("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    );
    await stream.read(new Uint8Array(1000));
    await until(() => events.open === 1);
    stream.close();
    await until(() => events.open === 0);
  });
});
