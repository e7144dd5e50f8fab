import { describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { dialHttp3 } from "../_support/http3.ts";
import { dataFrame, headFrame, RawHttp2 } from "../_support/raw_http2.ts";
import { until } from "../_support/test_gateway.ts";
import { gateway, service, useRawRoute } from "./_raw_route.ts";

type Field = readonly [name: string, value: string];

useRawRoute();

const HEAD: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "https"],
  [":authority", "app.test"],
  [":path", "/a"],
];

function withAuthority(authority: string): readonly Field[] {
  return [...HEAD.slice(0, 2), [":authority", authority], HEAD[3]!];
}

/** Sends a request that may be malformed, as its body too. The caller closes what it returns. */
type Send = (fields: readonly Field[], body: string | null) => Promise<{ close(): void }>;

const send2: Send = async (fields, body) => {
  const raw = await RawHttp2.open(gateway);
  await raw.send([
    headFrame(1, fields, { open: body !== null }),
    ...(body === null ? [] : [dataFrame(1, body)]),
  ]);
  return raw;
};

const send3: Send = async (fields, body) => {
  const connection = await dialHttp3(gateway);
  try {
    const stream = await connection.request(fields);
    if (body !== null) await stream.write(utf8(body));
    await stream.closeWrite();
    await stream.readAnswer();
  } catch {
    // The gateway would not have it.
  }
  return connection;
};

const VERSIONS = [["HTTP/2", send2], ["HTTP/3", send3]] as const;

/** Sends a request that may be malformed, then one that is not, and waits until that has come through. */
async function sendBoth(send: Send, fields: readonly Field[], body: string | null): Promise<void> {
  const first = await send(fields, body);
  const second = await RawHttp2.open(gateway);
  const good: Field[] = [[":method", "GET"], ...HEAD.slice(1, 3), [":path", "/after"]];
  await second.send([headFrame(1, good)]);
  await until(() => service.received.includes("GET /after"));
  first.close();
  second.close();
}

describe.each(VERSIONS)("A request of %s that HTTP/1.1 would read otherwise never reaches the service:", (
  _version,
  send,
) => {
  it.each<[string, readonly Field[], string | null]>([
    ["a name in upper case", [...HEAD, ["X-Smuggled", "1"]], null],
    ["CR LF in the path", [...HEAD.slice(0, 3), [":path", "/smuggled HTTP/1.1\r\nx: y"]], null],
    ["a space in the path", [...HEAD.slice(0, 3), [":path", "/smuggled x"]], null],
    ["a path without slash", [...HEAD.slice(0, 3), [":path", "smuggled"]], null],
    ["a whole URL for a path", [...HEAD.slice(0, 3), [":path", "https://app.test/smuggled"]], null],
    ["CR LF in the method", [[":method", "GET /smuggled HTTP/1.1\r\nx: y"], ...HEAD.slice(1)], null],
    [
      "CR LF in the authority",
      [...HEAD.slice(0, 2), [":authority", "app.test\r\nx: smuggled"], HEAD[3]!],
      null,
    ],
    ["a path in the authority", withAuthority("app.test/smuggled"), null],
    ["a query in the authority", withAuthority("app.test?smuggled"), null],
    ["a fragment in the authority", withAuthority("app.test#smuggled"), null],
    ["a backslash in the authority", withAuthority("app.test\\smuggled"), null],
    ["a user in the authority", withAuthority("smuggled@app.test"), null],
    ["chunks", [...HEAD, ["transfer-encoding", "chunked"]], "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"],
    ["a length that is too short", [...HEAD, ["content-length", "1"]], "GET /smuggled HTTP/1.1\r\n\r\n"],
    ["a length that is too long", [...HEAD, ["content-length", "99"]], "smuggled"],
    ["two lengths", [...HEAD, ["content-length", "0"], ["content-length", "8"]], "smuggled"],
    ["a connection", [...HEAD, ["connection", "x-smuggled"]], null],
    ["a second path", [...HEAD, [":path", "/smuggled"]], null],
    ["an unknown pseudo-header", [...HEAD, [":smuggled", "x"]], null],
    ["a pseudo-header behind a field", [...HEAD.slice(0, 3), ["x-a", "b"], [":path", "/smuggled"]], null],
  ])("%s", async (_, fields, body) => {
    await sendBoth(send, fields, body);
    // The head of a request may be there before its body is found to be wrong, but never the end of it.
    expect(service.received).not.toMatch(/\r\n0\r\n\r\n|smuggled:|GET \/smuggled|\/smuggled/);
    if (body === null) expect(service.received).not.toContain("POST");
  });
});

describe.each(VERSIONS)("A field of %s that HTTP/1.1 would read otherwise does not reach the service:", (
  _version,
  send,
) => {
  it.each<[string, readonly Field[], string | null]>([
    ["CR LF in a value", [...HEAD, ["x-a", "b\r\nx-smuggled: 1"]], null],
    ["LF in a value", [...HEAD, ["x-a", "b\nx-smuggled: 1"]], null],
    ["NUL in a value", [...HEAD, ["x-a", "b\0smuggled"]], null],
    ["CR LF in a name", [...HEAD, ["x-a: b\r\nx-smuggled", "1"]], null],
    ["a colon in a name", [...HEAD, ["x-smuggled: a", "1"]], null],
  ])("%s", async (_, fields, body) => {
    await sendBoth(send, fields, body);
    expect(service.received).not.toContain("smuggled");
  });
});

it.each(VERSIONS)(
  "A host of %s that is not the authority does not reach the service",
  async (_version, send) => {
    await sendBoth(send, [[":method", "GET"], ...HEAD.slice(1, 3), [":path", "/mine"], [
      "host",
      "other.test",
    ]], null);
    expect(service.received).not.toContain("other.test");
  },
);
