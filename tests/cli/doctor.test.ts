import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { main } from "../../lib/cli/main.ts";
import type { Finding } from "../../lib/client/doctor.ts";
import { serveEcho, serveTcp, type TestService } from "../_support/echo.ts";
import { freePort } from "../_support/free_port.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { fakeIo } from "./_fake_io.ts";

let echo: TestService;
let gateway: TestGateway;
let ann: string;

beforeAll(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://open.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - from: udp+https://open.test:7
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
  - from: tcp+https://bobs.test:7
    to: tcp://127.0.0.1:${echo.port}
    policy: [{ allow: { or: [{ email: { is: bob@example.com } }] } }]
  - from: tcp+https://down.test:7
    to: tcp://127.0.0.1:${freePort()}
    allow_public_unauthenticated_access: true
`);
  await gateway.addUser("ann", { email: "ann@example.com" });
  ann = await gateway.token("ann");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

/** What the command finds, by step. */
async function doctor(destination: string, ...args: string[]) {
  const io = fakeIo({ files: { "/ca.pem": gateway.caPem } });
  const trust = args.includes("--no-ca") ? [] : ["--alternate-ca-path", "/ca.pem"];
  const rest = args.filter((arg) => arg !== "--no-ca");
  const code = await main(["doctor", destination, "--json", ...trust, ...rest], io);
  const { findings, kind } = JSON.parse(io.out()) as { findings: Finding[]; kind: string };
  const by = Object.fromEntries(findings.map((finding) => [finding.step, finding]));
  return { code, kind, findings, by, failed: findings.filter(({ status }) => status === "failed") };
}

const at = () => ["--gateway-url", gateway.url];

describe("doctor", () => {
  it.each([["open.test:7", "tcp"], ["udp+https://open.test:7", "udp"]])(
    "finds nothing wrong with the way to %s",
    async (destination, kind) => {
      const { code, findings, kind: found } = await doctor(destination, ...at(), "--service-account", ann);
      expect(findings.map(({ step, status }) => `${step} ${status}`)).toEqual([
        "name ok",
        "tcp ok",
        "tls ok",
        "alpn ok",
        "clock ok",
        "sign-in ok",
        "h3 ok",
        "h2 ok",
        "h1 ok",
        "route ok",
        "policy ok",
        "upstream ok",
      ]);
      expect({ code, found }).toEqual({ code: 0, found: kind });
    },
  );

  it("says who you are, and what the gateway shows", async () => {
    const { by } = await doctor("open.test:7", ...at(), "--service-account", ann);
    expect(by["sign-in"]!.detail).toBe("you are ann@example.com");
    expect(by.tls!.detail).toMatch(
      /^certificate for .*localhost.*, issued by Sallyport development authority/,
    );
  });

  it.each<[string, string[], string, RegExp, RegExp]>([
    [
      "a name that does not resolve",
      ["--gateway-url", "https://nowhere.invalid"],
      "name",
      /does not resolve/,
      /--gateway-url/,
    ],
    ["a route that is not there", ["--route", "other.test:7"], "route", /no such route/, /compare the host/],
    ["a policy that does not let one in", ["--route", "bobs.test:7"], "policy", /may not use/, /request id/],
    [
      "a service that is down",
      ["--route", "down.test:7"],
      "upstream",
      /connection_refused/,
      /try again later/,
    ],
    [
      "an authority that is not trusted",
      ["--no-ca"],
      "tls",
      /not trusted; it shows certificate for/,
      /--alternate-ca-path/,
    ],
    [
      "a token that is over",
      ["--service-account", "stale.to.ken"],
      "sign-in",
      /does not know/,
      /sallyport login/,
    ],
  ])("ends at %s", async (_, args, step, detail, hint) => {
    const route = args[0] === "--route" ? args[1]! : "open.test:7";
    const more = args[0] === "--route" ? [] : args;
    const token = more.includes("--service-account") ? [] : ["--service-account", ann];
    const where = more.includes("--gateway-url") ? [] : at();
    const { code, failed } = await doctor(route, ...where, ...token, ...more);
    expect(code).toBe(1);
    expect(failed[0]).toMatchObject({
      step,
      detail: expect.stringMatching(detail),
      hint: expect.stringMatching(hint),
    });
  });

  it("goes no further than a port that does not answer", async () => {
    const { findings, failed } = await doctor(
      "open.test:7",
      "--gateway-url",
      `https://127.0.0.1:${freePort()}`,
    );
    expect(findings.map(({ step }) => step)).toEqual(["name", "tcp"]);
    expect(failed[0]!.hint).toContain("firewall");
  });

  it("says that something does not speak TLS", async () => {
    using ssh = serveTcp((conn) => conn.write(utf8("SSH-2.0-OpenSSH_9.9\r\n")).then(() => {}));
    const { findings, failed } = await doctor(
      "open.test:7",
      "--gateway-url",
      `https://127.0.0.1:${ssh.port}`,
    );
    expect(findings.map(({ step }) => step)).toEqual(["name", "tcp", "tls"]);
    expect(failed[0]!.detail).toContain("does not speak TLS");
  });

  it("says where to sign in when the route asks for it", async () => {
    const { by } = await doctor("bobs.test:7", ...at());
    expect(by["sign-in"]!.status).toBe("warning");
    expect(by.policy).toMatchObject({ status: "failed", hint: `sallyport login ${gateway.url}` });
    expect(by.upstream!.status).toBe("skipped");
  });

  it("prints a line for each step, and a hint below what failed", async () => {
    const io = fakeIo({ files: { "/ca.pem": gateway.caPem } });
    const code = await main(["doctor", "down.test:7", ...at(), "--alternate-ca-path", "/ca.pem"], io);
    expect(code).toBe(1);
    expect(io.out()).toMatch(/^ok {7}name {6}localhost is /);
    expect(io.out()).toMatch(/\nFAILED {3}upstream .*connection_refused.*\n {19}hint: try again later/);
  });
});
