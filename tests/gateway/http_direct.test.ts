import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoRequest, HttpService, type SeenRequest } from "../_support/http_service.ts";
import { startTestGateway, type TestGateway, until } from "../_support/test_gateway.ts";
import { ask, route, SIGNED_IN } from "./_http_route.ts";

let service: HttpService;
let gateway: TestGateway;

beforeAll(async () => {
  service = await HttpService.start(echoRequest);
  const shaped = `prefix: /in
pass_identity_headers: true
set_request_headers: {X-Set: "a"}
remove_request_headers: [X-Gone]
set_response_headers: {X-Answer: "b"}
prefix_rewrite: /out
${SIGNED_IN}`;
  gateway = await startTestGateway(
    `jwt_claims_headers: {X-Email: email}
access_log_fields: [method, authority, path, user-agent, referer, request-id, duration, size, response-code, ip, query, headers.x-a]
routes:
${route(service.url, shaped)}${
      route("http://127.0.0.1:1", "prefix: /down\nallow_public_unauthenticated_access: true")
    }${route(service.url, "prefix: /denied\npolicy:\n  - allow: { or: [{ http_path: { is: /never } }] }")}`,
  );
  await gateway.addUser("ann", { email: "ann@example.com" });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

interface Seen {
  readonly status: number;
  readonly answer: Record<string, string>;
  readonly request: SeenRequest | null;
}

/** What differs from request to request. */
const OWN = /^(?:date|content-length|connection|x-request-id|x-pomerium-jwt-assertion|via)$/;

function fieldsOf(pairs: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries(
    [...pairs].map(([name, value]) => [name.toLowerCase(), value] as const)
      .map(([name, value]) => [name, OWN.test(name) ? "…" : value] as const)
      .sort(([a], [b]) => a < b ? -1 : 1),
  );
}

function seenOf(status: number, headers: Iterable<readonly [string, string]>, body: string): Seen {
  const text = body.split("\r\n").find((line) => line.startsWith('{"method')) ?? body;
  const request = text.startsWith('{"method') ? JSON.parse(text) as SeenRequest : null;
  const answer = fieldsOf(headers);
  // Those are the version's own.
  for (const name of ["content-length", "connection", "transfer-encoding", "date"]) delete answer[name];
  return { status, answer, request };
}

/** By HTTP/1.1, which goes past the application. */
async function direct(path: string, fields: Record<string, string>): Promise<Seen> {
  const { status, headers, body } = await ask(gateway, path, { fields });
  return seenOf(status, headers, body);
}

/** By HTTP/2, which goes through it. */
async function throughApplication(path: string, fields: Record<string, string>): Promise<Seen> {
  const session = connectHttp2(gateway.url, { ca: gateway.caPem });
  const lower = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const stream = session.request({ ":authority": "app.test", ":path": path, ...lower });
  const head = Promise.withResolvers<Record<string, unknown>>();
  stream.once("response", head.resolve);
  stream.once("error", head.reject);
  const headers = await head.promise;
  let body = "";
  for await (const chunk of stream) body += chunk;
  session.destroy();
  const pairs = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
  return seenOf(
    Number(headers[":status"]),
    pairs.map(([name, value]) => [name, String(value)] as const),
    body,
  );
}

function requestFields({ headers }: SeenRequest): Record<string, string> {
  const pairs = headers.flatMap((name, i) => i % 2 === 0 ? [[name, headers[i + 1]!] as const] : []);
  const { connection: _, ...fields } = fieldsOf(pairs);
  return fields;
}

/** The last line of a kind, without what differs from request to request. */
function lastLine(message: string): Record<string, unknown> {
  const { time: _time, duration: _duration, "request-id": id, ...line } = gateway.linesOf(message).at(-1)!;
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  return line;
}

const FIELDS = {
  "X-A": "1",
  "X-Gone": "2",
  "X-Email": "eve@example.com",
  "X-Forwarded-For": "192.0.2.1",
  "X-Pomerium-Claim": "x",
  Cookie: "_pomerium_csrf=x; own=1",
  Referer: "https://a.test/?code=secret",
  "User-Agent": "test",
};

describe("A request that goes past the application", () => {
  it("is to its service, its caller, the trail and the log what it would be through it", async () => {
    const token = { "X-Pomerium-Authorization": await gateway.token("ann") };
    // Signing in took requests, too.
    const before = gateway.linesOf("http-request").length;
    const through = await throughApplication("/in/a?b=c", { ...FIELDS, ...token });
    const trail = lastLine("request allowed");
    await until(() => gateway.linesOf("http-request").length === before + 1);
    const log = lastLine("http-request");
    const past = await direct("/in/a?b=c", { ...FIELDS, ...token });
    await until(() => gateway.linesOf("http-request").length === before + 2);
    expect(past.status).toBe(200);
    expect(past.answer).toEqual(through.answer);
    expect(requestFields(past.request!)).toEqual(requestFields(through.request!));
    expect({ ...past.request, headers: [] }).toEqual({ ...through.request, headers: [] });
    expect(lastLine("request allowed")).toEqual(trail);
    expect(lastLine("http-request")).toEqual(log);
    expect(gateway.linesOf("request allowed")).toHaveLength(2);
  });

  it.each<[string, string, number, string]>([
    ["nobody has signed in for", "/in/a", 401, "request refused"],
    ["the policy refuses", "/denied", 403, "request refused"],
    ["no service answers", "/down", 503, "request refused"],
  ])("is refused in one line and in the same words when %s", async (_, path, status, message) => {
    const before = gateway.linesOf(message).length;
    const accept = { Accept: "text/plain" };
    const through = await throughApplication(path, accept);
    const line = lastLine(message);
    const past = await direct(path, accept);
    expect([through.status, past.status]).toEqual([status, status]);
    expect(past.answer).toEqual(through.answer);
    expect(lastLine(message)).toEqual(line);
    expect(gateway.linesOf(message)).toHaveLength(before + 2);
  });

  it("leaves the gateway's own paths to the application", async () => {
    expect((await ask(gateway, "/.pomerium/api/v1/routes")).status).toBe(302);
    expect((await ask(gateway, "/ping")).status).toBe(200);
  });
});
