import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { serveUdpEcho, type UdpService } from "../_support/udp_service.ts";
import { askUdp1, askUdp2, askUdp3, udpPath, udpTunnel } from "../_support/udp_tunnel.ts";

let gateway: TestGateway;
let echo: UdpService;

beforeAll(async () => {
  echo = serveUdpEcho();
  // Whatever is taken for a host would find this route.
  gateway = await startTestGateway(`
routes:
  - name: anything
    from: udp+https://*
    to: udp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

const LABEL = "a".repeat(63);

/** Each is refused before a route, a caller or a name is looked for. */
const BAD: readonly [what: string, path: string][] = [
  ["a zone identifier", udpPath("fe80%3A%3A1%25eth0", 53)],
  ["a zone identifier, unescaped", udpPath("fe80::1%25eth0", 53)],
  ["an escaped slash", udpPath("dns.test%2Fx", 53)],
  ["an escaped slash, lower case", udpPath("dns.test%2fx", 53)],
  ["a host that is a path", udpPath("..%2F..%2Fetc", 53)],
  ["double encoding", udpPath("dns%252Etest", 53)],
  ["double encoding of a colon", udpPath("2001%253Adb8%253A%253A1", 53)],
  ["an escaped percent sign", udpPath("dns%25test", 53)],
  ["half an escape", udpPath("dns%2", 53)],
  ["an escape that is not UTF-8", udpPath("dns%ff.test", 53)],
  ["a NUL", udpPath("dns.test%00", 53)],
  ["a line end", udpPath("dns.test%0D%0AHost%3A%20x", 53)],
  ["a space", udpPath("dns%20test", 53)],
  ["port 0", udpPath("dns.test", 0)],
  ["port 65536", udpPath("dns.test", 65_536)],
  ["a port with a sign", udpPath("dns.test", "+53")],
  ["a port with a leading space", udpPath("dns.test", "%2053")],
  ["a port in hexadecimal", udpPath("dns.test", "0x35")],
  ["a port with a fraction", udpPath("dns.test", "5.3")],
  ["no port", udpPath("dns.test", "")],
  ["a service name as port", udpPath("dns.test", "domain")],
  ["an empty host", udpPath("", 53)],
  ["a dot as host", udpPath("%2E", 53)],
  ["user information", udpPath("user%40dns.test", 53)],
  ["user information and a password", udpPath("user%3Apw%40dns.test", 53)],
  ["a port in the host", udpPath("dns.test%3A53", 53)],
  ["brackets", udpPath("%5B2001%3Adb8%3A%3A1%5D", 53)],
  ["half a bracket", udpPath("%5B2001%3Adb8%3A%3A1", 53)],
  ["too many groups", udpPath("1%3A2%3A3%3A4%3A5%3A6%3A7%3A8%3A9", 53)],
  ["a name of 300 bytes", udpPath(Array(5).fill(LABEL).join(".").slice(0, 300), 53)],
  ["a name of 254 bytes", udpPath(`${Array(4).fill(LABEL).join(".").slice(0, 252)}.a`, 53)],
  ["a label of 64 bytes", udpPath(`${LABEL}a.test`, 53)],
  ["a name of 20,000 bytes", udpPath("a.".repeat(10_000), 53)],
  ["letters that are not ASCII", udpPath("d%C3%BCns.test", 53)],
  ["a letter that lower-cases to ASCII", udpPath("%E2%84%AA.test", 53)],
  ["full-width digits", udpPath("%EF%BC%91.2.3.4", 53)],
  ["no slash at the end", udpPath("dns.test", 53).slice(0, -1)],
  ["more after the slash", `${udpPath("dns.test", 53)}x`],
  ["a query", `${udpPath("dns.test", 53)}?h=x`],
  ["a segment too many", udpPath("a/dns.test", 53)],
  ["dot segments", udpPath("../udp/dns.test", 53)],
  ["an encoded prefix", udpPath("dns.test", 53).replace("masque", "%6Dasque")],
];

describe.each([["HTTP/1.1", askUdp1], ["HTTP/2", askUdp2], ["HTTP/3", askUdp3]] as const)(
  "a UDP destination over %s",
  (_version, ask) => {
    it.each(BAD)("with %s is 400, and nothing is looked up or opened", async (_what, path) => {
      const { status, headers, stream } = await ask(gateway, path);
      stream.close();
      expect([status, headers.get("proxy-status")]).toEqual([400, "sallyport; error=http_request_error"]);
      const id = headers.get("x-request-id");
      const [line, ...others] = gateway.lines.filter((one) =>
        one["request-id"] === id && one.service === "authorize"
      );
      expect(line).toMatchObject({ message: "tunnel refused", error: expect.stringMatching(/^authority\//) });
      expect([others, line!["route-id"], line!.upstream]).toEqual([[], undefined, undefined]);
    });

    it.each([
      ["a name", "dns.test", "dns.test:53"],
      ["capitals and a final dot", "DNS.Test.", "dns.test:53"],
      ["an escaped letter", "%64ns.test", "dns.test:53"],
      ["IPv4", "192.0.2.1", "192.0.2.1:53"],
      ["IPv6, escaped", "2001%3Adb8%3A%3A1", "[2001:db8::1]:53"],
      ["IPv6 as the existing client sends it", "2001:db8::1", "[2001:db8::1]:53"],
    ])("that is %s is good", async (_what, host, authority) => {
      const answer = await ask(gateway, udpPath(host, 53));
      expect([101, 200]).toContain(answer.status);
      using _tunnel = udpTunnel(answer);
      const id = answer.headers.get("x-request-id");
      expect(gateway.lines.find((line) => line["request-id"] === id && line.service === "authorize"))
        .toMatchObject({ message: "tunnel opened", host: authority, upstream: `127.0.0.1:${echo.port}` });
    });
  },
);

it("a UDP destination is never what is dialled: that is what the route says", async () => {
  using tunnel = udpTunnel(await askUdp1(gateway, udpPath("169.254.169.254", 80)));
  await tunnel.echo("x");
  expect(gateway.gateway.tunnels.list().at(-1)).toMatchObject({
    target: { host: "169.254.169.254" },
    upstreamUrl: `udp://127.0.0.1:${echo.port}`,
  });
});
