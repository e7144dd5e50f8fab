import { describe, expect, it } from "vitest";
import { codesOf, load, oneRoute } from "./_load.ts";

/** An HTTP route with more keys. */
function httpRoute(keys: Readonly<Record<string, unknown>>): string {
  return oneRoute({ from: "https://app.example.com", to: "http://10.0.0.5", ...keys });
}

async function settingsOf(keys: Readonly<Record<string, unknown>>) {
  const loaded = await load(httpRoute(keys));
  expect(codesOf(loaded)).toEqual([]);
  return loaded.config!.routes[0]!.http!;
}

describe("An HTTP route", () => {
  it("has nothing but defaults when it says nothing", async () => {
    expect(await settingsOf({})).toMatchObject({
      path: { kind: "any" },
      redirect: null,
      response: null,
      requestTimeoutMs: 30_000,
      pathRewrite: null,
      hostRewrite: { kind: "service" },
      setRequestHeaders: [],
      rewriteResponseHeaders: [],
      passesIdentity: false,
      isPublic: false,
    });
    expect((await settingsOf({})).upgrades.size).toBe(0);
  });

  it.each<[Record<string, unknown>, number]>([
    [{ timeout: "5s" }, 5000],
    [{ timeout: "0" }, 0],
    [{ allow_websockets: true }, 0],
    [{ allow_websockets: true, timeout: "5s" }, 5000],
  ])("%j gives a request %d ms", async (keys, ms) => {
    expect((await settingsOf(keys)).requestTimeoutMs).toBe(ms);
  });

  it("counts a regular expression before a path, and that before a prefix", async () => {
    expect((await settingsOf({ prefix: "/a", path: "/b", regex: "/c" })).path.kind).toBe("regex");
    expect((await settingsOf({ prefix: "/a", path: "/b" })).path).toEqual({ kind: "path", text: "/b" });
  });

  it("reads the tokens of header values", async () => {
    const headers = {
      "X-A": "a ${pomerium.jwt} $$ $pomerium.id_token",
      "X-B": '${pomerium.request.headers["X-From"]}',
    };
    expect((await settingsOf({ set_request_headers: headers })).setRequestHeaders).toEqual([
      ["X-A", [{ text: "a " }, { token: "jwt" }, { text: " " }, { text: "$" }, { text: " " }, {
        token: "id_token",
      }]],
      ["X-B", [{ header: "x-from" }]],
    ]);
  });

  it("sets the header fields of the top level beside its own, and none when they are disabled", async () => {
    const global = { set_response_headers: { "X-A": "1", "X-B": "1" } };
    const fields = async (own: Record<string, string>) => {
      const route = JSON.parse(httpRoute({ set_response_headers: own }));
      return (await load(JSON.stringify({ ...global, ...route }))).config!.routes[0]!.http!
        .setResponseHeaders;
    };
    expect(await fields({ "x-b": "2" })).toEqual([["X-A", "1"], ["x-b", "2"]]);
    expect(await fields({ disable: "true" })).toEqual([]);
  });
});

describe("A header cannot be smuggled into messages through", () => {
  it.each<[string, Record<string, unknown>]>([
    ["a value for the service", { set_request_headers: { "X-A": "a\r\nX-B: c" } }],
    ["a name for the service", { set_request_headers: { "X-A: b\r\nX-B": "c" } }],
    ["a value for the caller", { set_response_headers: { "X-A": "a\nX-B: c" } }],
    ["a name for the caller", { set_response_headers: { "X A": "c" } }],
    ["a NUL", { set_response_headers: { "X-A": "a\0" } }],
    ["a character beyond Latin-1", { set_response_headers: { "X-A": "\u560a" } }],
    ["what replaces a prefix", {
      rewrite_response_headers: [{ header: "a", prefix: "b", value: "c\r\nd: e" }],
    }],
    ["the header that is rewritten", {
      rewrite_response_headers: [{ header: "a:", prefix: "b", value: "c" }],
    }],
    ["the host", { host_rewrite: "a.test\r\nX-B: c" }],
    ["a host with a path", { host_rewrite: "a.test/b" }],
    ["the header of the host", { host_rewrite_header: "X-A\r\n" }],
    ["the prefix", { prefix_rewrite: "/a HTTP/1.1\r\nX-B: c" }],
    ["a prefix with a query", { prefix_rewrite: "/a?b" }],
    ["the substitution", { regex_rewrite_pattern: "a", regex_rewrite_substitution: "b\r\nX-B: c" }],
    ["a substitution with a query", { regex_rewrite_pattern: "a", regex_rewrite_substitution: "?b" }],
    ["the substitution of the host", {
      host_path_regex_rewrite_pattern: "a",
      host_path_regex_rewrite_substitution: "b\nc",
    }],
    ["the host of a redirect", { to: undefined, redirect: { host_redirect: "a.test\r\nX-B: c" } }],
    ["the path of a redirect", { to: undefined, redirect: { path_redirect: "/a\r\nX-B: c" } }],
    ["framing", { set_request_headers: { "Content-Length": "3" } }],
    ["framing of the answer", { set_response_headers: { "transfer-encoding": "chunked" } }],
    ["the connection", { set_request_headers: { Connection: "X-Forwarded-For" } }],
    ["an unknown token", { set_request_headers: { "X-A": "${pomerium.secret}" } }],
    ["a protocol", { allow_upgrades: ["websocket\r\nX: y"] }],
    ["another version of HTTP", { allow_upgrades: ["h2c"] }],
  ])("%s", async (_, keys) => {
    expect(codesOf(await load(httpRoute(keys)))).toEqual(["error config/bad-value"]);
  });

  it("two ways to rewrite a path", async () => {
    const keys = { prefix_rewrite: "/a", regex_rewrite_pattern: "b", regex_rewrite_substitution: "c" };
    expect(codesOf(await load(httpRoute(keys)))).toEqual(["error config/conflict"]);
  });
});

describe("On a route of TCP", () => {
  it.each(["prefix", "redirect", "set_request_headers", "allow_websockets", "regex_rewrite_pattern"])(
    "%s has no effect, and a warning says so",
    async (key) => {
      const values: Record<string, unknown> = {
        prefix: "/a",
        redirect: undefined,
        set_request_headers: { "X-A": "b" },
        allow_websockets: true,
        regex_rewrite_pattern: "a",
      };
      const loaded = await load(oneRoute({ [key]: values[key] ?? null }));
      expect(codesOf(loaded)).toEqual(["warning config/no-effect"]);
      expect(loaded.config!.routes[0]!.http).toBe(null);
    },
  );
});
