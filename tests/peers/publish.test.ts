import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { HttpService } from "../_support/http_service.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { requirePeer } from "../_support/peers.ts";
import { freePort } from "../_support/free_port.ts";
import {
  clientEnv,
  clientOptions,
  run,
  type RunningProgram,
  sallyport,
  start,
} from "../_support/programs.ts";
import {
  PASSWORD,
  readExactly,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

const ADA = "[{ allow: { and: [{ email: { is: ada@example.com } }] } }]";
const SSH_ONLY = "[{ allow: { and: [{ ssh_username: { is: ada } }] } }]";
const PUBLIC = "allow_public_unauthenticated_access: true";

describe.skipIf(!requirePeer("curl") || !requirePeer("dig") || !requirePeer("dnsmasq"))(
  "sallyport publish",
  () => {
    let web: HttpService;
    let echo: TestService;
    let gateway: TestGateway;
    let dnsPort: number;
    let dns: RunningProgram;
    const config = (policy: string) => `
routes:
  - name: app
    from: https://app.example.com
    to: http://127.0.0.1:1
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${policy} }
  - from: tcp+https://echo.example.com:7000
    to: tcp://127.0.0.1:1
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
  - from: udp+https://dns.example.com:53
    to: udp://127.0.0.1:1
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${ADA} }
  - name: keys
    from: https://keys.example.com
    to: http://127.0.0.1:1
    ${PUBLIC}
    upstream_tunnel: { ssh_policy: ${SSH_ONLY} }
`;

    beforeAll(async () => {
      web = await HttpService.start((incoming, outgoing) => outgoing.end(`web ${incoming.url}`));
      echo = serveEcho();
      dnsPort = freePort();
      dns = start(["dnsmasq", [
        ...[
          "--no-daemon",
          "--no-resolv",
          "--no-hosts",
          "--conf-file=/dev/null",
          "--listen-address=127.0.0.1",
        ],
        ...["--bind-interfaces", `--port=${dnsPort}`, "--address=/test.example/192.0.2.9"],
      ]]);
      gateway = await startTestGateway(config(ADA));
      await gateway.addUser("ada", { email: "ada@example.com" });
      await gateway.addUser("bob", { email: "bob@example.com" });
    });

    afterAll(async () => {
      await Promise.all([gateway, web, dns].map((one) => one?.[Symbol.asyncDispose]()));
      echo?.[Symbol.dispose]();
    });

    const asUser = (name: string) => ({ env: clientEnv(gateway, { name, password: PASSWORD }) });
    const publishing = (route: string, to: string) =>
      sallyport("publish", route, "--to", to, "--gateway-url", gateway.url, ...clientOptions(gateway));
    const isPublished = (program: RunningProgram) =>
      until(() => program.stderr().includes("is published on"));

    async function get(host: string): Promise<string> {
      const { stdout } = await run(["curl", [
        ...["-sS", "-m", "20", "--cacert", gateway.caFile, "-w", " %{http_code}"],
        ...["--resolve", `${host}:${gateway.port}:127.0.0.1`, `https://${host}:${gateway.port}/x`],
      ]]);
      return new TextDecoder().decode(stdout);
    }

    it("publishes an HTTP route until it ends", async () => {
      {
        await using program = start(publishing("app", new URL(web.url).host), asUser("ada"));
        await isPublished(program);
        expect(await get("app.example.com")).toBe("web /x 200");
        await using _twin = start(
          publishing("https://app.example.com", new URL(web.url).host),
          asUser("ada"),
        );
        await isPublished(_twin);
        for (let i = 0; i < 4; i++) expect(await get("app.example.com")).toBe("web /x 200");
      }
      while (!(await get("app.example.com")).endsWith("503"));
      const { "route": route, reason } = gateway.lines.findLast(({ method, message }) =>
        method === "PUBLISH" && message === "tunnel ended"
      )!;
      expect({ route, reason }).toEqual({ route: "app", reason: "client-reset" });
    });

    it("publishes a TCP route", async () => {
      await using program = start(
        publishing("tcp+https://echo.example.com:7000", `localhost:${echo.port}`),
        asUser("ada"),
      );
      await isPublished(program);
      const { status, stream } = await gateway.connect("echo.example.com:7000");
      expect(status).toBe(200);
      await stream.write(utf8("hello"));
      expect(await readExactly(stream, 5)).toBe("hello");
      stream.close();
    });

    it("publishes a UDP route", async () => {
      await using program = start(
        publishing("udp+https://dns.example.com:53", `127.0.0.1:${dnsPort}`),
        asUser("ada"),
      );
      await isPublished(program);
      const listen = freePort();
      await using client = start(
        sallyport(
          ...["udp", "dns.example.com:53", "--listen", `127.0.0.1:${listen}`, "--gateway-url", gateway.url],
          ...clientOptions(gateway),
        ),
        asUser("ada"),
      );
      await until(() => client.stderr().includes("listening on"));
      const answer = await run([
        "dig",
        ["@127.0.0.1", "-p", `${listen}`, "+short", "+tries=3", "+time=3", "a.test.example"],
      ]);
      expect(new TextDecoder().decode(answer.stdout)).toBe("192.0.2.9\n");
    });

    it.each([
      ["bob", "app", /client\/denied|may not use this route|status 403/],
      ["ada", "keys", /status 403/],
      ["ada", "nothing", /status 404/],
    ])("refuses %s on %s", async (user, route, says) => {
      const { code, stderr } = await run(publishing(route, "127.0.0.1:1"), asUser(user));
      expect(code).not.toBe(0);
      expect(stderr).toMatch(says);
    });

    it("says 503 when the service is not there", async () => {
      await using program = start(publishing("app", `127.0.0.1:${freePort()}`), asUser("ada"));
      await isPublished(program);
      expect(await get("app.example.com")).toMatch(/503$/);
    });

    it("tells the publisher when the policy no longer lets them", async () => {
      await using program = start(publishing("app", new URL(web.url).host), asUser("ada"));
      await isPublished(program);
      await gateway.writeConfig(config("[{ allow: { and: [{ email: { is: bob@example.com } }] } }]"), {
        port: gateway.port,
      });
      await until(() => program.stderr().includes("the policy of the route no longer lets you in"));
      expect(await get("app.example.com")).toMatch(/503$/);
      await gateway.writeConfig(config(ADA), { port: gateway.port });
      await until(() => program.stderr().match(/is published on/g)?.length === 2);
    });
  },
);
