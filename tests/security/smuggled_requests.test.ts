import { describe, expect, it } from "vitest";
import { sendRaw, statuses } from "../_support/raw_http.ts";
import { gateway, service, useRawRoute } from "./_raw_route.ts";

useRawRoute();

const HEAD = "POST /a HTTP/1.1\r\nHost: app.test\r\n";
/** No request of another test is like it. */
const OTHER = HEAD.replace("/a", "/other");
const CHUNKS = "3\r\nabc\r\n0\r\n\r\n";
const SECRET = "GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";

describe("A request that can be read in two ways is refused, and nothing of it forwarded:", () => {
  it.each<[string, string]>([
    [
      "a length beside chunks",
      `${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}${SECRET}`,
    ],
    [
      "chunks beside a length",
      `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${CHUNKS}${SECRET}`,
    ],
    ["two lengths", `${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc${SECRET}`],
    ["twice the same length", `${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc${SECRET}`],
    ["a list of lengths", `${HEAD}Content-Length: 3, 3\r\n\r\nabc${SECRET}`],
    ["a length with a sign", `${HEAD}Content-Length: +3\r\n\r\nabc${SECRET}`],
    ["a negative length", `${HEAD}Content-Length: -3\r\n\r\nabc${SECRET}`],
    ["a hexadecimal length", `${HEAD}Content-Length: 0x3\r\n\r\nabc${SECRET}`],
    ["an empty length", `${HEAD}Content-Length: \r\n\r\n${SECRET}`],
    ["an unknown coding", `${HEAD}Transfer-Encoding: xchunked\r\n\r\n${CHUNKS}${SECRET}`],
    ["two codings", `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}${SECRET}`],
    [
      "chunks twice",
      `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}${SECRET}`,
    ],
    ["chunks and identity", `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n${CHUNKS}${SECRET}`],
    ["identity and a length", `${HEAD}Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc${SECRET}`],
    ["a space before a colon", `${HEAD}Transfer-Encoding : chunked\r\n\r\n${CHUNKS}${SECRET}`],
    ["a vertical tab in a coding", `${HEAD}Transfer-Encoding:\x0bchunked\r\n\r\n${CHUNKS}${SECRET}`],
    [
      "chunks in HTTP/1.0",
      `POST /a HTTP/1.0\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}${SECRET}`,
    ],
    ["a folded field", `${HEAD}X-A: b\r\n c: d\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["a folded coding", `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n${CHUNKS}${SECRET}`],
    ["a bare LF in the head", `${HEAD}X-A: b\nX-B: c\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["a head of bare LFs", `GET /a HTTP/1.1\nHost: app.test\n\n${SECRET}`],
    ["a bare CR in the head", `${HEAD}X-A: b\rX-B: c\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["a NUL in a value", `${HEAD}X-A: b\x00c\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["a field without a name", `${HEAD}: b\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["two hosts", `${HEAD}Host: other.test\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["no host", `POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n${SECRET}`],
    ["a fragment", `GET /a#b HTTP/1.1\r\nHost: app.test\r\n\r\n${SECRET}`],
    ["HTTP/2.0 in HTTP/1.1", `GET /a HTTP/2.0\r\nHost: app.test\r\n\r\n${SECRET}`],
    [
      "an upgrade with a body",
      `${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc${SECRET}`,
    ],
    [
      "a Connection that names the length",
      `${HEAD}Connection: close, Content-Length\r\nContent-Length: 3\r\n\r\nabc`,
    ],
    ["a Connection that names the host", `${HEAD}Connection: close, Host\r\nContent-Length: 0\r\n\r\n`],
    [
      "a Connection that names an identity",
      `${HEAD}Connection: close, X-Pomerium-Jwt-Assertion\r\nContent-Length: 0\r\n\r\n`,
    ],
    [
      "a Connection that names an address",
      `${HEAD}Connection: close, X-Forwarded-For\r\nContent-Length: 0\r\n\r\n`,
    ],
    ["a field with an underscore", `${HEAD}Connection: close\r\nContent_Length: 3\r\n\r\n`],
    ["an identity with underscores", `${HEAD}Connection: close\r\nx_pomerium_jwt_assertion: ey\r\n\r\n`],
  ])("%s", async (_, request) => {
    const answer = await sendRaw(gateway, request);
    expect(statuses(answer.text)).toEqual([400]);
    expect(service.received).toBe("");
  });
});

describe("The body of a request that breaks off in a way of its own", () => {
  it.each<[string, string]>([
    ["a bare LF after a length of a chunk", "3\nabc\r\n0\r\n\r\n"],
    ["a bare LF after a chunk", "3\r\nabc\n0\r\n\r\n"],
    ["a bare LF in an extension", "3;a\nabc\r\n0\r\n\r\n"],
    ["a chunk that is too long for its length", "3\r\nabcd\r\n0\r\n\r\n"],
    ["a length of a chunk beyond all bounds", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"],
    ["a length of a chunk that is none", "0x3\r\nabc\r\n0\r\n\r\n"],
    ["a length in the trailers", "3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"],
  ])("never ends for the service: %s", async (_, chunks) => {
    const answer = await sendRaw(gateway, `${HEAD}Transfer-Encoding: chunked\r\n\r\n${chunks}${SECRET}`);
    for (const status of statuses(answer.text)) expect([400, 503, 200]).toContain(status);
    expect(service.received).not.toContain("/smuggled");
    expect(service.received).not.toMatch(/\r\n0\r\n\r\n/);
  });
});

describe("What is forwarded", () => {
  it("has chunks of the gateway's own, without extensions", async () => {
    await sendRaw(
      gateway,
      `${OTHER}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3;x="y"\r\nabc\r\n0\r\n\r\n`,
    );
    expect(service.received).toContain("3\r\nabc\r\n0\r\n\r\n");
    expect(service.received).not.toContain("x=");
    expect(service.received.match(/POST \/other/g)).toHaveLength(1);
  });

  it("does not have fields that Connection names, nor identities of the caller's making", async () => {
    await sendRaw(
      gateway,
      `${OTHER}Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nX-Pomerium-Jwt-Assertion: forged\r\n` +
        "X-Pomerium-Claim-Email: forged\r\nProxy-Connection: x\r\nForwarded: for=forged\r\nX-Real-Ip: forged\r\n" +
        "X-Forwarded-Host: forged\r\nX-Request-Id: forged\r\nContent-Length: 0\r\n\r\n",
    );
    expect(service.received.match(/POST \/other/g)).toHaveLength(1);
    expect(service.received).not.toMatch(/forged|x-hop|proxy-connection/i);
  });

  it("has no identity, no credential and no framing in its trailers", async () => {
    const trailers =
      "X-Pomerium-Jwt-Assertion: forged\r\nx_pomerium_claim_email: forged\r\nHost: forged\r\n" +
      "X-Forwarded-For: forged\r\nCookie: _pomerium=forged\r\nAuthorization: forged\r\nContent-Type: forged\r\n" +
      "Connection: X-Hop\r\nX-Hop: forged\r\nX-Sum: 42\r\n";
    await sendRaw(
      gateway,
      `${OTHER}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n${trailers}\r\n`,
    );
    expect(service.received).toContain("0\r\nX-Sum: 42\r\n\r\n");
    expect(service.received).not.toContain("forged");
  });

  it("is one request for one, in their order, when several are sent at once", async () => {
    const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`;
    const answer = await sendRaw(gateway, get("/1") + get("/2") + get("/3", "Connection: close\r\n"));
    expect(statuses(answer.text)).toEqual([200, 200, 200]);
    expect(service.received.match(/GET \/\d/g)).toEqual(["GET /1", "GET /2", "GET /3"]);
  });
});
