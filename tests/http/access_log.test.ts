import { Hono } from "hono";
import { beforeEach, describe, expect, it } from "vitest";
import { accessLog } from "../../lib/http/access_log.ts";
import { ConnectRequest } from "../../lib/http/connect_request.ts";
import type { EdgeBindings, HttpEnv } from "../../lib/http/env.ts";
import { requestId } from "../../lib/http/request_id.ts";
import { jsonLog } from "../../lib/observe/log.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { factsOf } from "./_edge.ts";

const ALL_FIELDS = [
  "upstream-cluster",
  "method",
  "authority",
  "path",
  "user-agent",
  "referer",
  "forwarded-for",
  "request-id",
  "duration",
  "size",
  "response-code",
  "response-code-details",
  "ip",
  "query",
];

let clock: ManualClock;
let lines: Record<string, unknown>[];
let endTunnel: ((figures: { bytesDown: number; durationMs: number }) => void) | null;

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  endTunnel = null;
});

const connectBindings: EdgeBindings = {
  connection: factsOf(null),
  connectTarget: null,
  upgrade: null,
  requestTarget: "",
  httpVersion: "1.1",
  takeOver() {},
  forward() {},
};

/** Sends one request through an application with an access log. @returns the answer */
function ask(
  request: Request,
  options: { fields?: readonly string[]; target?: string } = {},
): Response | Promise<Response> {
  const log = jsonLog({
    level: "debug",
    sink: (line) => void lines.push(JSON.parse(line)),
    now: () => clock.now(),
  });
  const app = new Hono<HttpEnv>();
  app.use(
    requestId({ trustedHops: () => 0 }),
    accessLog({ fields: () => options.fields ?? ALL_FIELDS, log, clock }),
  );
  app.on("CONNECT", "*", (c) => {
    endTunnel = c.get("tunnelOpened")();
    return c.body(null, 200);
  });
  app.get("/refused", (c) => c.text("no", 503, { "proxy-status": "sallyport; error=dns_error" }));
  app.get("*", (c) => {
    clock.advance(12);
    return c.body("hello", 200, { "content-length": "5" });
  });
  return app.fetch(request, { ...connectBindings, connectTarget: options.target ?? null });
}

function get(path: string, headers: Record<string, string> = {}): Request {
  return new Request(`https://gateway.test:8443${path}`, { headers });
}

describe("accessLog()", () => {
  it("writes one line for a request when it is answered", async () => {
    const response = await ask(get("/a/b?q=1", {
      "user-agent": "curl/8",
      referer: "https://other.test/page",
      "x-forwarded-for": "203.0.113.9",
    }));
    expect(lines).toEqual([{
      level: "info",
      time: "2026-06-01T12:00:00.012Z",
      message: "http-request",
      service: "proxy",
      method: "GET",
      authority: "gateway.test:8443",
      path: "/a/b",
      "user-agent": "curl/8",
      referer: "https://other.test/page",
      "forwarded-for": "203.0.113.9",
      "request-id": response.headers.get("x-request-id"),
      duration: 12,
      size: 5,
      "response-code": 200,
      ip: "192.0.2.7",
      query: "q=1",
    }]);
  });

  it("writes the fields that were chosen, and no others", async () => {
    await ask(get("/a", { "x-one": "1", "x-two": "2" }), {
      fields: ["headers.X-One", "path", "no-such-field"],
    });
    const { level: _level, time: _time, message: _message, service: _service, ...fields } = lines[0]!;
    expect(fields).toEqual({ "headers.X-One": "1", path: "/a" });
  });

  it("says why a request was refused", async () => {
    await ask(get("/refused"));
    expect(lines[0]).toMatchObject({
      "response-code": 503,
      "response-code-details": "sallyport; error=dns_error",
    });
  });

  it.each(["/ping", "/healthz"])("is quiet about %s", async (path) => {
    await ask(get(path));
    expect(lines[0]!.level).toBe("debug");
  });

  it.each(["authorization", "Cookie", "proxy-authorization", "x-pomerium-authorization", "SET-COOKIE"])(
    "never writes the value of %s",
    async (name) => {
      await ask(get("/", { [name]: "s3cret" }), { fields: [`headers.${name}`] });
      expect(lines[0]![`headers.${name}`]).toBe("[redacted]");
      expect(JSON.stringify(lines)).not.toContain("s3cret");
    },
  );

  it.each(["pomerium_session", "pomerium_jwt", "pomerium_session_encrypted", "pomerium_signature"])(
    "never writes the value of the query parameter %s",
    async (name) => {
      await ask(get(`/?a=1&${name}=s3cret&${name}=s3cret2&b=2`));
      const query = new URLSearchParams(String(lines[0]!.query));
      expect([query.get("a"), query.getAll(name), query.get("b")]).toEqual(["1", ["[redacted]"], "2"]);
      expect(JSON.stringify(lines)).not.toContain("s3cret");
    },
  );

  it.each(["referer", "headers.referer", "headers.Referer"])(
    "leaves the query out of %s",
    async (field) => {
      const referer = "https://gateway.test/.pomerium/callback/?pomerium_session_encrypted=s3cret";
      await ask(get("/", { referer }), { fields: [field] });
      expect(lines[0]![field]).toBe("https://gateway.test/.pomerium/callback/");
    },
  );

  it("cuts long values", async () => {
    await ask(get(`/${"p".repeat(5000)}?${"q".repeat(5000)}`, { "user-agent": "u".repeat(5000) }));
    for (const field of ["path", "query", "user-agent"]) {
      expect(String(lines[0]![field])).toMatch(/^.{1024}…$/);
    }
  });

  it("writes one line for a tunnel, once it ends, with its figures", async () => {
    await ask(new ConnectRequest(new Headers({ "user-agent": "curl/8" })), { target: "redis.test:6379" });
    expect(lines).toEqual([]);
    endTunnel!({ bytesDown: 1234, durationMs: 5678 });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      message: "http-request",
      method: "CONNECT",
      authority: "redis.test:6379",
      "response-code": 200,
      size: 1234,
      duration: 5678,
    });
    expect(lines[0]).not.toHaveProperty("path");
    expect(lines[0]).not.toHaveProperty("query");
  });
});
