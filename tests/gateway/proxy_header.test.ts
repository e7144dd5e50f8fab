import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromUtf8, utf8 } from "../../lib/base/bytes.ts";
import { type ProxyHeader, ProxyHeaderDecoder, type ProxyTlv } from "../../lib/codec/proxy_protocol.ts";
import { serveTcp, type TestService } from "../_support/echo.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import { readAll, startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";

let gateway: TestGateway;
let service: TestService;
let deaf: TestService;
let token: string;
const headers: ProxyHeader[] = [];

beforeAll(async () => {
  // Reads a PROXY header, and says what came after it.
  service = serveTcp(async (conn) => {
    const decoder = new ProxyHeaderDecoder();
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      const decoded = decoder.push(buffer.slice(0, count));
      if (decoded === null) continue;
      headers.push(decoded.header);
      await conn.write(utf8("after:"));
      await conn.write(decoded.rest);
      break;
    }
    for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
      await conn.write(buffer.slice(0, count));
    }
  });
  deaf = serveTcp(async (conn) => {
    const count = await conn.read(new Uint8Array(1));
    await conn.write(utf8(count === null ? "nothing" : "something"));
  });
  gateway = await startTestGateway(`
jwt_claims_headers: [preferred_username, email]
routes:
  - { from: "tcp+https://one.test:1", to: "tcp://127.0.0.1:${service.port}", send_proxy_protocol: v1, allow_any_authenticated_user: true }
  - { from: "tcp+https://two.test:1", to: "tcp://127.0.0.1:${service.port}", send_proxy_protocol: v2, allow_any_authenticated_user: true }
  - { from: "tcp+https://uri.test:1", to: "tcp://127.0.0.1:${service.port}", send_proxy_protocol: v2, jwt_issuer_format: uri, allow_any_authenticated_user: true }
  - { from: "tcp+https://public.test:1", to: "tcp://127.0.0.1:${service.port}", send_proxy_protocol: v2, allow_public_unauthenticated_access: true }
  - { from: "tcp+https://off.test:1", to: "tcp://127.0.0.1:${deaf.port}", allow_public_unauthenticated_access: true }
`);
  await gateway.addUser("ann", { email: "ann@example.com", groups: ["engineering"] });
  token = await gateway.token("ann");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  for (const one of [service, deaf]) one[Symbol.dispose]();
});

/** Opens a tunnel, sends some bytes, and answers the header that the service read. */
async function headerFor(target: string, options: { token?: string } = {}) {
  const answer = await gateway.connect(target, options);
  expect(answer.status).toBe(200);
  await answer.stream.write(utf8("hello"));
  await answer.stream.closeWrite();
  expect(fromUtf8(await readAll(answer.stream))).toBe("after:hello");
  answer.stream.close();
  return { header: headers.at(-1)!, requestId: answer.headers.get("x-request-id")! };
}

function valueOf(tlvs: readonly ProxyTlv[], type: number): string | undefined {
  const tlv = tlvs.find((tlv) => tlv.type === type);
  return tlv && fromUtf8(tlv.value);
}

async function publishedKeys(): Promise<JSONWebKeySet> {
  using browser = new FormBrowser({ caPem: gateway.caPem });
  return await (await browser.request(`${gateway.url}/.well-known/pomerium/jwks.json`)).json();
}

describe("send_proxy_protocol", () => {
  it("v1 tells the service the address of the caller and of the gateway, before the first byte", async () => {
    const { header } = await headerFor("one.test:1", { token });
    expect(header).toEqual({
      version: 1,
      endpoints: {
        source: { address: "127.0.0.1", port: expect.any(Number) },
        destination: { address: "127.0.0.1", port: gateway.port },
      },
      tlvs: [],
    });
    expect(header.endpoints!.source.port).toBeGreaterThan(0);
  });

  it("v2 tells the id of the request, and signs who the caller is", async () => {
    const { header, requestId } = await headerFor("two.test:1", { token });
    expect(header.endpoints!.destination).toEqual({ address: "127.0.0.1", port: gateway.port });
    expect(valueOf(header.tlvs, 0x05)).toBe(requestId);
    const { payload } = await jwtVerify(
      valueOf(header.tlvs, 0xe0)!,
      createLocalJWKSet(await publishedKeys()),
      { issuer: "two.test", audience: "two.test", algorithms: ["ES256"] },
    );
    const opened = await until(() =>
      gateway.linesOf("tunnel opened").find((line) => line["request-id"] === requestId)
    );
    expect(payload).toMatchObject({
      email: "ann@example.com",
      groups: ["engineering"],
      sid: opened["session-id"],
      preferred_username: "ann",
    });
    expect(payload.exp! - payload.iat!).toBe(300);
  });

  it("writes the issuer as the route says", async () => {
    const { header } = await headerFor("uri.test:1", { token });
    const keys = createLocalJWKSet(await publishedKeys());
    const { payload } = await jwtVerify(valueOf(header.tlvs, 0xe0)!, keys, { audience: "uri.test" });
    expect(payload.iss).toBe("https://uri.test/");
  });

  it("v2 holds no assertion when nobody is signed in", async () => {
    const { header, requestId } = await headerFor("public.test:1");
    expect(header.tlvs.map(({ type }) => type)).toEqual([0x05]);
    expect(valueOf(header.tlvs, 0x05)).toBe(requestId);
  });

  it("is off unless asked for", async () => {
    const { stream } = await gateway.connect("off.test:1");
    await stream.closeWrite();
    expect(fromUtf8(await readAll(stream))).toBe("nothing");
    stream.close();
  });

  it("keeps the assertion out of the log", async () => {
    const { header } = await headerFor("two.test:1", { token });
    expect(gateway.written.join("\n")).not.toContain(valueOf(header.tlvs, 0xe0)!.split(".")[2]);
  });
});
