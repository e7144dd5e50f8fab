import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { http2Session } from "../_support/http2_session.ts";
import { dialHttp3 } from "../_support/http3.ts";
import { RawService } from "../_support/raw_service.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { routeTo } from "../gateway/_http_route.ts";

/** What is written here is denied, everything else allowed. */
const DENIED = `
policy:
  - allow: { or: [{ accept: true }] }
    deny: { or: [{ http_method: { is: PATCH } }, { http_method: { is: PURGE } }, { http_method: { is: DELETE } }] }`;

let service: RawService;
let gateway: TestGateway;
beforeAll(async () => {
  service = new RawService();
  gateway = await startTestGateway(routeTo(service.url, DENIED.trimStart()));
});
beforeEach(() => {
  service.received = "";
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  service[Symbol.dispose]();
});

const METHODS = ["PATCH", "patch", "Patch", "purge", "DELETE", "delete", "dElete"];

it.each(METHODS)(
  "a method that is denied is not asked for in other letters over HTTP/2: %s",
  async (method) => {
    const session = http2Session(gateway);
    session.on("error", () => {});
    const stream = session.request({ ":authority": "app.test", ":path": "/", ":method": method });
    const status = await new Promise((resolve) => {
      stream.once("response", (headers) => resolve(headers[":status"]));
      stream.once("error", () => resolve(0));
    });
    session.destroy();
    expect([400, 403]).toContain(status);
    expect(service.received).toBe("");
  },
);

it.each(METHODS)(
  "a method that is denied is not asked for in other letters over HTTP/3: %s",
  async (method) => {
    const connection = await dialHttp3(gateway);
    const stream = await connection.request([
      [":method", method],
      [":scheme", "https"],
      [":authority", "app.test"],
      [":path", "/"],
    ]);
    await stream.closeWrite();
    expect([400, 403]).toContain((await stream.readAnswer()).status);
    connection.close();
    expect(service.received).toBe("");
  },
);

it("a host that is not the one that is asked for is not believed over HTTP/2", async () => {
  const session = http2Session(gateway);
  session.on("error", () => {});
  const stream = session.request({ ":authority": "app.test", ":path": "/", host: "other.test" });
  const status = await new Promise((resolve) => stream.once("response", (head) => resolve(head[":status"])));
  session.destroy();
  expect([status, service.received]).toEqual([400, ""]);
});
