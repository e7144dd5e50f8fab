import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoRequest, HttpService } from "../_support/http_service.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { ask, PUBLIC, route, seen } from "../gateway/_http_route.ts";

let service: HttpService;
let gateway: TestGateway;

/** Everyone may see what is public; only ben what is under /admin; the rest is nobody's. */
beforeAll(async () => {
  service = await HttpService.start(echoRequest);
  const admin = route(service.url, "prefix: /admin\nallowed_users: [ben]");
  const open = route(service.url, `prefix: /public\n${PUBLIC}`);
  gateway = await startTestGateway(`routes:\n${admin}${open}`);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

describe("What leads to a path behind the back of its rule is refused:", () => {
  it.each([
    "/public/../admin",
    "/public/..;/admin",
    "/public/..;x=y/admin",
    "/public/.;/../admin",
    "/public/%2e%2e/admin",
    "/public/%2E./admin",
    "/public/.%2e;a/admin",
    "/public%2f..%2fadmin",
    "/public/..%2fadmin",
    "/public/..%5cadmin",
    "/public\\..\\admin",
    "/public/%00/../admin",
    "/public/%0d%0aX:%20y",
    "/public/%7f",
    "/public/%",
    "/public/%zz",
    "/public/%2",
    "/../admin",
    "/public/../../admin",
    "//admin",
    "/./admin",
    "/%61dmin",
    "/adm%69n",
    "/public/..//admin",
    "/public/x/../../admin",
    "http://app.test/admin",
    "http://other.test/public",
    "*",
    "public",
    "/public#/admin",
  ])("%s", async (path) => {
    const { status } = await ask(gateway, path, { fields: { Accept: "application/json" } });
    expect([400, 401, 404]).toContain(status);
  });
});

describe("What the service is asked for is what the rule was asked for:", () => {
  it.each([
    ["/public/./a", "/public/a"],
    ["/public//a", "/public/a"],
    ["/public/a/../b", "/public/b"],
    ["/public/a/..", "/public/"],
    ["/public/%61%2D%7e", "/public/a-~"],
    ["/public/%c3%a9", "/public/%C3%A9"],
    ["/public/a;b=c", "/public/a;b=c"],
    ["/public/%252e%252e/admin", "/public/%252e%252e/admin"],
    ["/public/...", "/public/..."],
    ["/public/a?x=/../admin&y=%2e%2e%2f", "/public/a?x=/../admin&y=%2e%2e%2f"],
    ["/x/../public", "/public"],
    ["https://app.test/public/x?y", "/public/x?y"],
    ["http://APP.test/public/x", "/public/x"],
  ])("%s becomes %s", async (path, expected) => {
    expect((await seen(gateway, path)).url).toBe(expected);
  });
});

describe("Escaped slashes", () => {
  it.each([
    ["keep_unchanged", "/public/a%2fb", 200, "/public/a%2Fb"],
    ["unescape_and_forward", "/public/a%2fb", 200, "/public/a/b"],
    ["unescape_and_forward", "/public/..%2fadmin", 404, null],
    ["unescape_and_redirect", "/public/a%2fb?c", 307, null],
    ["reject_request", "/public/a%2fb", 400, null],
  ])("with %s: %s is answered with %d", async (action, path, status, url) => {
    const config = `path_with_escaped_slashes_action: ${action}\nroutes:\n`;
    await using other = await startTestGateway(config + route(service.url, `prefix: /public\n${PUBLIC}`));
    const answer = await ask(other, path);
    expect(answer.status).toBe(status);
    if (status === 307) expect(answer.headers.get("location")).toBe("/public/a/b?c");
    if (url !== null) expect((await seen(other, path)).url).toBe(url);
  });
});

describe("Without normalizing", () => {
  it("paths with dot segments are refused, and others stay as they are", async () => {
    const config = "normalize_path: false\nmerge_slashes: false\nroutes:\n";
    await using other = await startTestGateway(config + route(service.url, `prefix: /public\n${PUBLIC}`));
    for (const path of ["/public/../admin", "/public/%2e%2e/admin", "/public/./a"]) {
      expect((await ask(other, path)).status).toBe(400);
    }
    expect((await seen(other, "/public//%61")).url).toBe("/public//%61");
  });
});
