import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http2Session } from "../_support/http2_session.ts";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import type { TestGateway } from "../_support/test_gateway.ts";
import { startWithAnn } from "./_support.ts";

const LOGIN = "/.pomerium/api/v1/login?pomerium_redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F";
const START_POINTS = [LOGIN, "/.pomerium/sign_in", "/.pomerium/user"];
const FOREIGN = [
  "evil.example",
  "evil.example:443",
  "localhost.evil.example",
  "closed.test.evil.example",
  "evil-closed.test",
  "closed.test:9999",
  "localhost:9999",
  "127.0.0.1:9999",
  "db.evil.example",
  "evilwild.test",
  "a.wild.test:22",
  "10.0.0.1",
  "[::2]",
];

let gateway: TestGateway;

beforeAll(async () => void ({ gateway } = await startWithAnn()));
afterAll(() => gateway[Symbol.asyncDispose]());

describe("a forged Host cannot make the gateway sign a sign-in for a host it does not own", () => {
  it.each(START_POINTS.flatMap((path) => FOREIGN.map((host) => [path.split("?")[0]!, host, path] as const)))(
    "%s with Host: %s",
    async (_what, host, path) => {
      const { status, text } = await sendRaw(gateway, getRequest(path, { Host: host, Accept: "*/*" }));
      expect(status).toBe(400);
      expect(text).not.toMatch(/pomerium_signature|^set-cookie/im);
    },
  );

  it.each(["closed.test", "a.wild.test", "localhost", "127.0.0.1", "[::1]"])(
    "%s is the gateway's own",
    async (host) => {
      const { status, body } = await sendRaw(gateway, getRequest(LOGIN, { Host: host }));
      expect(status).toBe(200);
      expect(new URL(body).host).toBe(host);
    },
  );

  it.each([
    ["X-Forwarded-Host", "evil.example"],
    ["X-Original-Host", "evil.example"],
    ["Forwarded", "host=evil.example"],
    ["X-Forwarded-Proto", "http"],
    ["Origin", "https://evil.example"],
    ["Referer", "https://evil.example/"],
  ])("%s is not believed", async (name, value) => {
    const { status, body } = await sendRaw(gateway, getRequest(LOGIN, { Host: "localhost", [name]: value }));
    expect(status).toBe(200);
    expect(new URL(body).origin).toBe("https://localhost");
    expect(body).not.toContain("evil.example");
  });

  it.each(["https://evil.example", "http://evil.example"])(
    "a request line that names %s",
    async (origin) => {
      const { status, text } = await sendRaw(gateway, getRequest(origin + LOGIN, { Host: "localhost" }));
      expect(status).toBe(400);
      expect(text).not.toContain("pomerium_signature");
    },
  );

  it(":authority of HTTP/2", async () => {
    const session = http2Session(gateway);
    const request = session.request({ ":path": LOGIN, ":authority": "evil.example" });
    const { promise, resolve } = Promise.withResolvers<number>();
    request.once("response", (headers) => resolve(headers[":status"]!));
    expect(await promise).toBe(400);
    session.destroy();
  });
});
