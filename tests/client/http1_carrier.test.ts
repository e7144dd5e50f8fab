import { beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { ClientError } from "../../lib/client/client_error.ts";
import { type GatewayTrust, platformTrust } from "../../lib/client/gateway_trust.ts";
import type { Tunnel } from "../../lib/client/carrier.ts";
import { http1Carrier } from "../../lib/client/http1_carrier.ts";
import { makeCertificates, type TestCertificates } from "./_certificates.ts";
import { echoTunnel, readText, type ScriptedGateway, startGateway } from "./_scripted_gateway.ts";

const AUTHORITY = "redis.example.com:6379";

function open(
  gateway: Pick<ScriptedGateway, "address">,
  options: { token?: string | null; trust?: GatewayTrust; signal?: AbortSignal } = {},
): Promise<Tunnel> {
  const { token = null, trust = platformTrust, signal = new AbortController().signal } = options;
  return http1Carrier(gateway.address, trust).openTcp(AUTHORITY, { token, userAgent: "test/1", signal });
}

async function failureOf(opening: Promise<Tunnel>): Promise<ClientError> {
  const error = await opening.then((stream) => stream.close(), (error) => error);
  expect(error).toBeInstanceOf(ClientError);
  return error;
}

/** Answers with these bytes, whatever is asked. */
function answering(answer: string): ScriptedGateway {
  return startGateway((_, stream) => stream.write(utf8(answer)));
}

let certificates: TestCertificates;
let otherName: TestCertificates;
beforeAll(async () => {
  certificates = await makeCertificates("localhost");
  otherName = await makeCertificates("other.example.com");
});

describe("http1Carrier().openTcp()", () => {
  it("sends a CONNECT request with the token", async () => {
    await using gateway = startGateway((_, stream) => echoTunnel(stream));
    (await open(gateway, { token: "the-token" })).close();
    expect(gateway.requests[0]!.head).toBe(
      "CONNECT redis.example.com:6379 HTTP/1.1\r\nHost: redis.example.com:6379\r\nUser-Agent: test/1\r\n" +
        "Authorization: Pomerium the-token\r\n\r\n",
    );
  });

  it("sends no Authorization without a token", async () => {
    await using gateway = startGateway((_, stream) => echoTunnel(stream));
    (await open(gateway)).close();
    expect(gateway.requests[0]!.authorization).toBeUndefined();
  });

  it.each([
    ["plain", () => undefined, () => platformTrust],
    ["TLS that a given authority vouches for", () => certificates, () => ({
      caCerts: [certificates.caPem],
      verify: true,
    })],
    ["TLS that is not verified", () => certificates, () => ({ caCerts: [], verify: false })],
    ["TLS of another name that is not verified", () => otherName, () => ({ caCerts: [], verify: false })],
  ])("carries bytes and half-closes over %s", async (_, chain, trust: () => GatewayTrust) => {
    await using gateway = startGateway((_, stream) => echoTunnel(stream), chain());
    const tunnel = await open(gateway, { trust: trust() });
    await tunnel.write(utf8("PING\r\n"));
    await tunnel.closeWrite();
    expect(await readText(tunnel)).toBe("PING\r\n");
    tunnel.close();
  });

  it.each([
    ["of an unknown authority", () => certificates, () => platformTrust],
    ["for another name", () => otherName, () => ({ caCerts: [otherName.caPem], verify: true })],
  ])("refuses a certificate %s", async (_, chain, trust: () => GatewayTrust) => {
    await using gateway = startGateway((_, stream) => echoTunnel(stream), chain());
    const error = await failureOf(open(gateway, { trust: trust(), token: "secret" }));
    expect(error.code).toBe("client/tls-untrusted");
    expect(gateway.requests).toHaveLength(0);
  });

  it.each([
    [301, "client/login-required"],
    [302, "client/login-required"],
    [307, "client/login-required"],
    [308, "client/login-required"],
    [401, "client/login-required"],
    [403, "client/denied"],
    [404, "client/no-such-route"],
    [495, "client/certificate-refused"],
    [503, "client/unavailable"],
    [101, "client/unexpected-status"],
    [204, "client/unexpected-status"],
    [303, "client/unexpected-status"],
    [400, "client/unexpected-status"],
    [407, "client/unexpected-status"],
    [502, "client/unexpected-status"],
  ])("takes status %d for %s", async (status, code) => {
    await using gateway = answering(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\n\r\n`);
    const error = await failureOf(open(gateway));
    expect(error.code).toBe(code);
    expect(error.status).toBe(status);
  });

  it("quotes the request id and Proxy-Status, but not what could steer a terminal", async () => {
    await using gateway = answering(
      "HTTP/1.1 503 Down\r\nX-Request-Id: req-1\r\nproxy-status: gw; error=connection_refused\u001b[2J\r\n\r\n",
    );
    const { message } = await failureOf(open(gateway));
    expect(message).toMatch(
      /\(status 503, request id req-1, proxy-status gw; error=connection_refused\?\[2J\)$/,
    );
  });

  it.each([
    ["an id", "X-Request-Id: req-1\r\n", "req-1"],
    ["the longest id", `x-request-id: ${"a".repeat(100)}\r\n`, "a".repeat(100)],
    ["an id that is too long", `X-Request-Id: ${"a".repeat(101)}\r\n`, null],
    ["an id with a control character", "X-Request-Id: req\u001b[2J\r\n", null],
    ["an empty id", "X-Request-Id:\r\n", null],
    ["no id", "", null],
  ])("says which request and which token opened it: %s", async (_, field, requestId) => {
    await using gateway = answering(`HTTP/1.1 200 OK\r\n${field}\r\n`);
    const tunnel = await open(gateway, { token: "the-token" });
    expect(tunnel).toMatchObject({ requestId, token: "the-token" });
    tunnel.close();
  });

  it("keeps bytes that arrive together with the answer", async () => {
    await using gateway = answering("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-server\r\n");
    const tunnel = await open(gateway);
    expect(await readText(tunnel)).toBe("SSH-2.0-server\r\n");
    tunnel.close();
  });

  it("gives such bytes out piece by piece", async () => {
    await using gateway = answering("HTTP/1.1 200 OK\r\n\r\nabc");
    const tunnel = await open(gateway);
    const into = new Uint8Array(2);
    expect([await tunnel.read(into), ...into]).toEqual([2, 97, 98]);
    expect([await tunnel.read(into), into[0]]).toEqual([1, 99]);
    tunnel.close();
  });

  it("refuses what is not an answer", async () => {
    await using gateway = answering("SSH-2.0-OpenSSH_9.9\r\n\r\n");
    expect((await failureOf(open(gateway))).code).toBe("client/bad-response");
  });

  it("gives up when the gateway does not answer in time", async () => {
    await using gateway = startGateway(() => new Promise(() => {}));
    const error = await failureOf(open(gateway, { signal: AbortSignal.timeout(50) }));
    expect(error.code).toBe("client/timeout");
  });

  it("gives up when the gateway does not finish the TLS handshake in time", async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    for (const verify of [true, false]) {
      const address = { tls: true, host: "127.0.0.1", port: listener.addr.port };
      const opening = open({ address }, {
        trust: { caCerts: [], verify },
        signal: AbortSignal.timeout(50),
      });
      expect((await failureOf(opening)).code).toBe("client/timeout");
    }
    (await accepted).close();
  });

  it("gives up when it is told to", async () => {
    const controller = new AbortController();
    await using gateway = startGateway(() => {
      controller.abort();
      return new Promise(() => {});
    });
    const error = await failureOf(open(gateway, { signal: controller.signal }));
    expect(error.code).toBe("client/cancelled");
  });

  it("says so when nobody listens", async () => {
    const gateway = answering("");
    await gateway[Symbol.asyncDispose]();
    const error = await failureOf(open(gateway));
    expect(error.code).toBe("client/unreachable");
    expect(error.message).toBe(`Cannot reach the gateway ${gateway.url}: connection refused`);
  });
});
