import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { nodeStream } from "../../lib/base/node_stream.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { http2Session } from "../_support/http2_session.ts";
import {
  type ConnectAnswer,
  readAnswer,
  readExactly,
  startTestGateway,
  type TestGateway,
} from "../_support/test_gateway.ts";

const BOTH = "[{ allow: { or: [{ email: { is: ada@example.com } }, { email: { is: bob@example.com } }] } }]";
const PATH = "/.pomerium/api/v1/publish";
const UPGRADE = { connection: "Upgrade", upgrade: "sallyport-publish" };

describe("publishing over HTTP", () => {
  let gateway: TestGateway;
  let ada: string;
  let bob: string;
  let eve: string;

  beforeAll(async () => {
    gateway = await startTestGateway(`
routes:
  - name: echo
    from: tcp+https://echo.example.com:7000
    to: tcp://127.0.0.1:1
    allow_public_unauthenticated_access: true
    upstream_tunnel: { ssh_policy: ${BOTH} }
  - name: plain
    from: tcp+https://plain.example.com:7000
    to: tcp://127.0.0.1:1
    allow_public_unauthenticated_access: true
`);
    for (const name of ["ada", "bob", "eve"]) await gateway.addUser(name, { email: `${name}@example.com` });
    [ada, bob, eve] = [await gateway.token("ada"), await gateway.token("bob"), await gateway.token("eve")];
  });

  afterAll(() => gateway?.[Symbol.asyncDispose]());

  async function ask(
    query: string,
    { token, headers = UPGRADE }: { token?: string; headers?: Record<string, string> } = {},
  ): Promise<ConnectAnswer> {
    const stream = denoStream(await gateway.dial());
    const fields = {
      host: "localhost",
      ...headers,
      ...(token ? { authorization: `Pomerium ${token}` } : {}),
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await stream.write(utf8(`GET ${PATH}?${query} HTTP/1.1\r\n${lines}\r\n`));
    return await readAnswer(stream);
  }

  async function line(stream: ByteStream): Promise<Record<string, string>> {
    let text = "";
    while (!text.endsWith("\n")) text += await readExactly(stream, 1);
    return JSON.parse(text);
  }

  /** Ada's control stream, once the route is published. */
  async function control(): Promise<ByteStream> {
    const { status, headers, stream } = await ask("route=echo", { token: ada });
    expect([status, headers.get("upgrade")]).toEqual([101, "sallyport-publish"]);
    expect(await line(stream)).toEqual({ kind: "published", protocol: "tcp" });
    return stream;
  }

  it.each<[string, number, string, "ada" | "eve" | null, Record<string, string>]>([
    ["that is no upgrade", 400, "route=echo", "ada", {}],
    ["to another protocol", 400, "route=echo", "ada", { connection: "Upgrade", upgrade: "websocket" }],
    ["for no route", 404, "", "ada", UPGRADE],
    ["for a route that does not exist", 404, "route=nothing", "ada", UPGRADE],
    ["for a route that is reached directly", 404, "route=plain", "ada", UPGRADE],
    ["without a session", 302, "route=echo", null, UPGRADE],
    ["of somebody who may not", 403, "route=echo", "eve", UPGRADE],
    ["for a connection that nobody waits for", 404, "route=echo&connection=AAAA", "ada", UPGRADE],
  ])("refuses a request %s with %i", async (_, expected, query, who, headers) => {
    const token = who === null ? {} : { token: who === "ada" ? ada : eve };
    const { status, stream } = await ask(query, { ...token, headers });
    stream.close();
    expect(status).toBe(expected);
  });

  it("gives a connection to the session that was asked for it, once", async () => {
    const publisher = await control();
    const caller = gateway.connect("echo.example.com:7000");
    const { kind, id } = await line(publisher);
    expect(kind).toBe("connect");
    const query = `route=echo&connection=${id}`;
    const stranger = await ask(query, { token: bob });
    expect(stranger.status).toBe(404);
    const { status, stream: back } = await ask(query, { token: ada });
    expect(status).toBe(101);
    const { stream } = await caller;
    await stream.write(utf8("up"));
    expect(await readExactly(back, 2)).toBe("up");
    await back.write(utf8("down"));
    expect(await readExactly(stream, 4)).toBe("down");
    const again = await ask(query, { token: ada });
    expect(again.status).toBe(404);
    for (const one of [stranger.stream, again.stream, back, stream, publisher]) one.close();
  });

  it("answers the caller with 503 when the publisher refuses", async () => {
    const publisher = await control();
    const caller = gateway.connect("echo.example.com:7000");
    const { id } = await line(publisher);
    await publisher.write(utf8(`${JSON.stringify({ kind: "refused", id, reason: "no" })}\n`));
    const { status, headers, stream } = await caller;
    expect([status, headers.get("proxy-status")]).toEqual([
      503,
      expect.stringContaining("connection_refused"),
    ]);
    stream.close();
    publisher.close();
  });

  it("ends a publisher who sends what is no message", async () => {
    const publisher = await control();
    await publisher.write(utf8("hello\n"));
    expect(await publisher.read(new Uint8Array(100)).catch(() => null)).toBeNull();
    publisher.close();
  });

  it("ends the connections of a publisher who goes", async () => {
    const publisher = await control();
    const caller = gateway.connect("echo.example.com:7000");
    const { id } = await line(publisher);
    const { stream: back } = await ask(`route=echo&connection=${id}`, { token: ada });
    const { stream } = await caller;
    publisher.close();
    expect(await stream.read(new Uint8Array(1)).catch(() => null)).toBeNull();
    expect(await back.read(new Uint8Array(1)).catch(() => null)).toBeNull();
    stream.close();
    back.close();
  });

  it("works over extended CONNECT of HTTP/2, too", async () => {
    const session = http2Session(gateway);
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    const request = (query: string) =>
      nodeStream(session.request({
        ":method": "CONNECT",
        ":protocol": "sallyport-publish",
        ":path": `${PATH}?${query}`,
        authorization: `Pomerium ${ada}`,
      }, { endStream: false }));
    const publisher = request("route=echo");
    expect(await line(publisher)).toEqual({ kind: "published", protocol: "tcp" });
    const caller = gateway.connect("echo.example.com:7000");
    const { id } = await line(publisher);
    const back = request(`route=echo&connection=${id}`);
    await back.write(utf8("hi"));
    const { stream } = await caller;
    expect(await readExactly(stream, 2)).toBe("hi");
    stream.close();
    session.destroy();
  });
});
