import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { dialHttp3 } from "../_support/http3.ts";
import { HttpService } from "../_support/http_service.ts";
import { sendRaw } from "../_support/raw_http.ts";
import { RawService } from "../_support/raw_service.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { PUBLIC, route } from "../gateway/_http_route.ts";

/** Every key of a route that makes something of what the caller sent, each on a path of its own. */
const REWRITING: Readonly<Record<string, string>> = {
  set_request_headers: `set_request_headers: {X-Copy: 'a \${pomerium.request.headers["X-Evil"]} b'}`,
  prefix_rewrite: "prefix_rewrite: /new",
  regex_rewrite_pattern: `regex_rewrite_pattern: '^/[^/]+/(.*)$'\nregex_rewrite_substitution: '/new/\\1'`,
  host_rewrite_header: "host_rewrite_header: X-Evil",
  host_path_regex_rewrite_pattern:
    `host_path_regex_rewrite_pattern: '^/[^/]+/(.*)$'\nhost_path_regex_rewrite_substitution: '\\1'`,
  preserve_host_header: "preserve_host_header: true",
  pass_identity_headers: "pass_identity_headers: true",
};

/** What would be a field of its own, if it were copied as it is or unescaped on the way. */
const ATTACKS: Readonly<Record<string, string>> = {
  "CR LF": "x\r\nInjected: 1",
  "LF": "x\nInjected: 1",
  "CR": "x\rInjected: 1",
  "NUL": "x\0Injected: 1",
  "letters that lose their upper half": "x\u010d\u010aInjected: 1",
  "escapes": "x%0d%0aInjected: 1",
  "escapes twice over": "x%250d%250aInjected: 1",
};

let service: RawService;
let gateway: TestGateway;

beforeAll(async () => {
  service = new RawService();
  const routes = Object.entries(REWRITING).map(([key, keys]) =>
    route(service.url, `prefix: /${key}/\n${keys}\n${PUBLIC}`)
  );
  gateway = await startTestGateway(
    `headers_with_underscores_action: allow\nroutes:\n${routes.join("")}`,
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  service[Symbol.dispose]();
});
beforeEach(() => {
  service.received = "";
});
afterEach(() => {
  expect(service.received).not.toMatch(/[\r\n\0]injected/i);
  // What did come through has the line ends of HTTP and no others.
  expect(service.received.replaceAll("\r\n", "")).not.toMatch(/[\r\n\0]/);
});

const latin1 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text);

describe.each(Object.keys(REWRITING))("%s injects no field", (key) => {
  // With CR LF, it is simply a field of the caller's own.
  it.each(Object.entries(ATTACKS).slice(1))("from a header field with %s", async (_, attack) => {
    const { status } = await sendRaw(
      gateway,
      `GET /${key}/a HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nX-Evil: ${attack}\r\n\r\n`,
    );
    expect([200, 400]).toContain(status);
  });

  it.each(Object.entries(ATTACKS))("from a header field of HTTP/3 with %s", async (_, attack) => {
    const connection = await dialHttp3(gateway);
    const stream = await connection.request([
      ...[[":method", "GET"], [":scheme", "https"], [":authority", "app.test"]] as const,
      ...[[":path", `/${key}/a`], ["x-evil", latin1(attack)]] as const,
    ]);
    await stream.closeWrite();
    const answer = await stream.readAnswer().catch(() => null);
    if (/[\r\n\0]/.test(attack)) expect(answer?.status ?? 400).toBe(400);
    connection.close();
  });

  it.each(Object.entries(ATTACKS))("from a path with %s", async (_, attack) => {
    const path = `/${key}/${attack.replaceAll(" ", "%20")}`;
    const { status } = await sendRaw(
      gateway,
      `GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`,
    );
    expect(isPlain(attack) && attack.includes("%25") ? [200, 400] : [400, 404]).toContain(status);
  });
});

describe("An answer has no field that is made of", () => {
  it.each(["/r%0d%0aInjected:%201/x", "/r\r\nInjected: 1", "/r//evil.test/%2f..", "/r\\evil.test"])(
    "a path in the address of a redirect: %j",
    async (path) => {
      await using other = await startTestGateway(
        `path_with_escaped_slashes_action: keep_unchanged\nroutes:\n${
          route(null, `redirect: {prefix_rewrite: /new, https_redirect: true}\n${PUBLIC}`)
        }`,
      );
      const answer = await sendRaw(
        other,
        `GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`,
      );
      expect(answer.headers.has("injected")).toBe(false);
      const location = answer.headers.get("location");
      if (location !== null) expect(new URL(location).hostname).toBe("app.test");
      else expect(answer.status).toBe(400);
    },
  );

  it("what a service hides in a field that is rewritten", async () => {
    await using hostile = await HttpService.start((incoming) => {
      incoming.socket.end(
        "HTTP/1.1 200 OK\r\nLocation: http://inside/\rInjected: 1\r\nContent-Length: 0\r\n\r\n",
      );
    });
    await using other = await startTestGateway(`routes:\n${
      route(
        hostile.url,
        `rewrite_response_headers: [{header: location, prefix: 'http://inside/', value: 'https://app.test/'}]\n${PUBLIC}`,
      )
    }`);
    const answer = await sendRaw(other, "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    expect(answer.status).toBe(503);
    expect(answer.text).not.toContain("Injected");
  });
});
