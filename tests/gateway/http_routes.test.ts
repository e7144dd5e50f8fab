import { describe, expect, it } from "vitest";
import { echoRequest, HttpService } from "../_support/http_service.ts";
import { startTestGateway } from "../_support/test_gateway.ts";
import { ask, PUBLIC, route, routeTo, seen, SIGNED_IN } from "./_http_route.ts";

const JSON_ONLY = { Accept: "application/json" };

describe("An HTTP route", () => {
  it("forwards a request, says where it came from, and leaves a line in trail and log", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url));
    const { method, url, body, fields, answer } = await seen(gateway, "/a/b?c=d", {
      fields: { "X-Mine": "1" },
    });
    expect({ method, url, body }).toEqual({ method: "GET", url: "/a/b?c=d", body: "" });
    expect(fields).toMatchObject({
      host: service.url.slice("http://".length),
      "x-mine": "1",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "app.test",
    });
    expect(answer.headers.get("x-service")).toBe("yes");
    const allowed = await gateway.line("request allowed");
    expect(allowed).toMatchObject({
      method: "GET",
      host: "app.test:443",
      path: "/a/b",
      "response-code": 200,
    });
    expect(await gateway.line("http-request")).toMatchObject({ path: "/a/b", "response-code": 200 });
    expect(fields["x-request-id"]).toBe(allowed["request-id"]);
  });

  it("is found by its path, the first in the file that matches", async () => {
    const answer = (text: string, more: string) =>
      route(null, `response: {status: 200, body: ${text}}\n${more}\n${PUBLIC}`);
    await using gateway = await startTestGateway(
      `routes:\n${answer("exact", "path: /exact")}${answer("regex", "regex: '/r/[0-9]+'")}` +
        `${answer("prefix", "prefix: /p/")}${answer("later", "prefix: /p/later")}${
          answer("rest", "prefix: /")
        }`,
    );
    const said = async (path: string) => (await ask(gateway, path)).body;
    expect(await said("/exact")).toBe("exact");
    expect(await said("/exact/")).toBe("rest");
    expect(await said("/r/12")).toBe("regex");
    expect(await said("/r/12/x")).toBe("rest");
    expect(await said("/p/later")).toBe("prefix");
    expect(await said("/P/")).toBe("rest");
    expect(await said("/p/../exact")).toBe("exact");
  });

  it("answers 404 for a path that no route answers to, and for another host", async () => {
    await using gateway = await startTestGateway(
      `routes:\n${route(null, `response: {body: x}\nprefix: /only\n${PUBLIC}`)}`,
    );
    expect((await ask(gateway, "/other")).status).toBe(404);
    expect((await ask(gateway, "/only", { fields: { Host: "other.test" } })).status).toBe(404);
  });

  it("leaves the gateway's own paths to the gateway", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url));
    for (const path of ["/ping", "/healthz"]) expect((await ask(gateway, path)).body).toBe("OK");
    for (const path of ["/.pomerium/nothing", "/.well-known/pomerium/nothing", "/%2epomerium/nothing"]) {
      expect((await ask(gateway, path)).status).toBe(404);
    }
    expect((await ask(gateway, "/.well-known/pomerium/jwks.json")).body).toContain('"keys"');
    expect((await seen(gateway, "/.pomeriumx")).url).toBe("/.pomeriumx");
    expect((await seen(gateway, "/pomerium/x")).url).toBe("/pomerium/x");
    expect((await seen(gateway, "/")).url).toBe("/");
  });

  it("sends browsers to sign in and back to the page, and answers programs 401", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url, SIGNED_IN));
    const browser = await ask(gateway, "/a?b=c", { fields: { Accept: "text/html" } });
    expect(browser.status).toBe(302);
    const signIn = new URL(browser.headers.get("location")!);
    expect(signIn.pathname).toBe("/.pomerium/sign_in");
    expect(signIn.searchParams.get("pomerium_redirect_uri")).toBe("https://app.test/a?b=c");
    expect((await ask(gateway, "/a", { fields: JSON_ONLY })).status).toBe(401);
    expect((await ask(gateway, "/robots.txt")).body).toContain("Disallow: /");
    expect(await gateway.line("request refused")).toMatchObject({ path: "/a", "response-code": 302 });
  });

  it("answers 403 to those whom the policy does not let in", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(
      service.url,
      "show_error_details: true\nallowed_users: [ben]",
    ));
    await gateway.addUser("ann");
    const fields = { Authorization: `Pomerium ${await gateway.token("ann")}`, ...JSON_ONLY };
    const answer = await ask(gateway, "/", { fields });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toHaveProperty("explanation");
  });

  it("decides by path and method when its policy asks for them", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(
      service.url,
      "policy:\n  allow:\n    and:\n      - accept: true\n      - http_method: {is: GET}\n" +
        "      - http_path: {starts_with: /open/}",
    ));
    expect((await ask(gateway, "/open/a")).status).toBe(200);
    expect((await ask(gateway, "/open/../shut")).status).toBe(403);
    expect((await ask(gateway, "/open/a", { method: "DELETE" })).status).toBe(403);
  });

  it("lets the questions of browsers in before requests of other sites, when it says so", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(
      service.url,
      `cors_allow_preflight: true\n${SIGNED_IN}`,
    ));
    const fields = { Origin: "https://other.test", "Access-Control-Request-Method": "PUT", ...JSON_ONLY };
    expect((await ask(gateway, "/", { method: "OPTIONS", fields })).status).toBe(200);
    expect((await ask(gateway, "/", { method: "OPTIONS", fields: JSON_ONLY })).status).toBe(401);
    expect((await ask(gateway, "/", { fields })).status).toBe(401);
  });

  it("keeps the gateway's credentials from the service, and leaves those of others alone", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url, SIGNED_IN));
    await gateway.addUser("ann");
    const token = await gateway.token("ann");
    for (
      const fields of [
        { Authorization: `Pomerium ${token}` },
        { Authorization: `Bearer Pomerium-${token}` },
        { "X-Pomerium-Authorization": token },
        { Cookie: `_pomerium=${token}` },
      ]
    ) {
      const { headers } = await seen(gateway, "/", { fields });
      expect(headers.join("\n")).not.toContain(token);
    }
    expect((await seen(gateway, `/?a=b&pomerium_session=${token}&c`)).url).toBe("/?a=b&c");
    const { fields } = await seen(gateway, "/", {
      fields: {
        Cookie: `a=1; _pomerium=${token}; __Host-_pomerium_csrf=x; b=2`,
        Authorization: "Basic dTpw",
        "Proxy-Authorization": "Basic dTpw",
      },
    });
    expect([fields.cookie, fields.authorization]).toEqual(["a=1;  b=2".replace("  ", " "), "Basic dTpw"]);
    expect(fields).not.toHaveProperty("proxy-authorization");
  });

  it("tells the service who is calling, when it says so", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(
      `jwt_claims_headers: {X-Email: email}\n` +
        routeTo(
          service.url,
          `pass_identity_headers: true\nset_request_headers: {X-Jwt: "a \${pomerium.jwt}", X-Cost: $$5}\n${SIGNED_IN}`,
        ),
    );
    await gateway.addUser("ann", { email: "ann@example.com" });
    const { fields } = await seen(gateway, "/", {
      fields: { "X-Pomerium-Authorization": await gateway.token("ann"), "X-Email": "eve@example.com" },
    });
    const [, payload = ""] = fields["x-pomerium-jwt-assertion"]!.split(".");
    expect(JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")))).toMatchObject({
      aud: "app.test",
      email: "ann@example.com",
    });
    expect(fields["x-email"]).toBe("ann@example.com");
    expect(fields["x-jwt"]).toMatch(/^a ey/);
    expect(fields["x-cost"]).toBe("$5");
  });

  it.each<[string, string, string, string]>([
    ["prefix: /a", "/a/b", "", "/a/b"],
    ["prefix: /a\nprefix_rewrite: /x", "/a/b?q", "", "/x/b?q"],
    ["prefix: /a/\nprefix_rewrite: /", "/a/b", "", "/b"],
    ["prefix: /a\nprefix_rewrite: /", "/a/b", "", "/b"],
    ["path: /a\nprefix_rewrite: /x/y", "/a", "", "/x/y"],
    ["prefix: /", "/b", "/base", "/base/b"],
    ["prefix: /", "/b", "/base/", "/base/b"],
    ["prefix: /a", "/a/b", "/base", "/base/b"],
    [
      "regex_rewrite_pattern: '^/u/([0-9]+)'\nregex_rewrite_substitution: '/user-\\1'",
      "/u/7/x?q=/u/8",
      "",
      "/user-7/x?q=/u/8",
    ],
  ])("with %j forwards %s to a service at %j as %s", async (keys, path, base, expected) => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url + base, `${keys}\n${PUBLIC}`));
    expect((await seen(gateway, path)).url).toBe(expected);
  });

  it.each<[string, string]>([
    ["preserve_host_header: true", "app.test"],
    ["host_rewrite: other.test", "other.test"],
    ["host_rewrite_header: X-Host", "named.test"],
    [
      "host_path_regex_rewrite_pattern: '^/([a-z]+)/.*'\nhost_path_regex_rewrite_substitution: '\\1.test'",
      "tenant.test",
    ],
  ])("with %j tells the service the host %s", async (keys, host) => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url, `${keys}\n${PUBLIC}`));
    const { fields } = await seen(gateway, "/tenant/x", { fields: { "X-Host": "named.test" } });
    expect(fields).toMatchObject({ host, "x-forwarded-host": "app.test" });
  });

  it("shapes header fields both ways", async () => {
    await using service = await HttpService.start((_incoming, outgoing) => {
      outgoing.writeHead(200, [
        ...["Location", "http://inside/x", "Server", "old", "X-Keep", "1", "Set-Cookie", "a=1"],
        ...[
          "Set-Cookie",
          "_pomerium=forged",
          "X-Frame-Options",
          "DENY",
          "Alt-Svc",
          'h3=":1"',
          "Connection",
          "X-Hop",
        ],
        ...["X-Hop", "1"],
      ]);
      outgoing.end();
    });
    await using gateway = await startTestGateway(routeTo(
      service.url,
      `set_response_headers: {Server: new}\nrewrite_response_headers: [{header: location, prefix: 'http://inside/', value: 'https://outside/'}]\n${PUBLIC}`,
    ));
    const { headers } = await ask(gateway, "/");
    expect(Object.fromEntries(headers)).toMatchObject({
      location: "https://outside/x",
      server: "new",
      "x-keep": "1",
      "set-cookie": "a=1",
      "x-frame-options": "SAMEORIGIN",
    });
    expect(headers.has("x-hop")).toBe(false);
  });

  it("takes header fields away from requests, and sets others", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(
      service.url,
      `remove_request_headers: [X-Gone, X-Set]\nset_request_headers: {X-Set: "1", X-Copy: 'is \${pomerium.request.headers["X-From"]}'}\n${PUBLIC}`,
    ));
    const { fields } = await seen(gateway, "/", {
      fields: { "X-Gone": "1", "X-Set": "2", "X-From": "there" },
    });
    expect(fields).toMatchObject({ "x-set": "1", "x-copy": "is there" });
    expect(fields).not.toHaveProperty("x-gone");
  });

  it.each<[string, number, string]>([
    ["{path_redirect: /new}", 301, "https://app.test/new?q=1"],
    ["{host_redirect: new.test, response_code: 307, strip_query: true}", 307, "https://new.test/old"],
    ["{scheme_redirect: http, port_redirect: 8080}", 301, "http://app.test:8080/old?q=1"],
    ["{https_redirect: true, prefix_rewrite: /x}", 301, "https://app.test/x/old?q=1"],
  ])("redirects as %s says", async (redirect, status, location) => {
    await using gateway = await startTestGateway(
      `routes:\n${route(null, `redirect: ${redirect}\n${PUBLIC}`)}`,
    );
    const answer = await ask(gateway, "/old?q=1");
    expect([answer.status, answer.headers.get("location")]).toEqual([status, location]);
  });

  it("tells of the gateway's HTTP/3, and not of what its service says of itself", async () => {
    await using service = await HttpService.start((_incoming, outgoing) => {
      outgoing.setHeader("Alt-Svc", 'h3="evil.test:443"');
      outgoing.end();
    });
    await using gateway = await startTestGateway(routeTo(service.url));
    expect((await ask(gateway, "/")).headers.get("alt-svc")).toBe(`h3=":${gateway.port}"; ma=86400`);
    await gateway.writeConfig(`codec_type: http1\n${routeTo(service.url)}`);
    await gateway.gateway.reloader.reload("test");
    expect((await ask(gateway, "/")).headers.get("alt-svc")).toBeNull();
  });

  it("answers 503 when no service can be reached, and says so in the trail", async () => {
    await using gateway = await startTestGateway(routeTo("http://127.0.0.1:1"));
    const answer = await ask(gateway, "/", { fields: JSON_ONLY });
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toHaveProperty("request_id");
    expect(await gateway.line("request refused")).toMatchObject({ error: "dial/refused" });
  });

  it("believes as many proxies about the address of a caller as it is told to", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(
      `xff_num_trusted_hops: 2\n${
        routeTo(service.url, "policy:\n  allow:\n    and: [source_ip: 192.0.2.7]")
      }`,
    );
    const status = async (addresses: string) =>
      (await ask(gateway, "/", { fields: { "X-Forwarded-For": addresses, ...JSON_ONLY } })).status;
    expect(await status("192.0.2.7, 10.0.0.1")).toBe(200);
    expect(await status("192.0.2.9, 192.0.2.7, 10.0.0.1")).toBe(200);
    expect(await status("192.0.2.7, 192.0.2.9, 10.0.0.1")).toBe(403);
    expect(await status("192.0.2.7")).toBe(403);
    const { fields } = await seen(gateway, "/", { fields: { "X-Forwarded-For": "192.0.2.7, 10.0.0.1" } });
    expect(fields["x-forwarded-for"]).toBe("192.0.2.7, 10.0.0.1, 127.0.0.1");
  });

  it.each([[60_000, 200], [70_000, 503]])(
    "takes %d bytes of header fields from a service with %d",
    async (size, status) => {
      await using service = await HttpService.start((_incoming, outgoing) => {
        outgoing.writeHead(200, { "x-long": "a".repeat(size) }).end();
      });
      await using gateway = await startTestGateway(routeTo(service.url));
      expect((await ask(gateway, "/", { fields: JSON_ONLY })).status).toBe(status);
    },
  );

  it("refuses a path of more than 8192 characters", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url));
    expect((await ask(gateway, `/${"a".repeat(8191)}`)).status).toBe(200);
    expect((await ask(gateway, `/${"a".repeat(8192)}`)).status).toBe(400);
  });

  it("answers 508 to a request that has come around", async () => {
    await using service = await HttpService.start(echoRequest);
    await using gateway = await startTestGateway(routeTo(service.url));
    const { fields } = await seen(gateway, "/");
    expect((await ask(gateway, "/", { fields: { Via: fields.via! } })).status).toBe(508);
  });
});
