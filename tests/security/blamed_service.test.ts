import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getRequest, sendRaw, statuses } from "../_support/raw_http.ts";
import { RawService } from "../_support/raw_service.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { PUBLIC, routeTo } from "../gateway/_http_route.ts";

let service: RawService;
let gateway: TestGateway;

beforeAll(async () => {
  // Half of an answer keeps the request for /half under way.
  service = new RawService((path) =>
    path.endsWith("half")
      ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
      : path.endsWith("never")
      ? ""
      : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
  );
  const keys = "outlier_detection: { consecutive_5xx: 1 }\nhealthy_panic_threshold: 0";
  gateway = await startTestGateway(routeTo(service.url, `${PUBLIC}\n${keys}`));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  service[Symbol.dispose]();
});

describe("A caller cannot have a service taken out by a body that is none", () => {
  it.each<[string, string, number[]]>([
    ["before the answer", "/never", [400]],
    ["after the beginning of an answer", "/half", []],
  ])("%s", async (_, path, wanted) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const answer = await sendRaw(gateway, `${head}3\r\nabc\r\nno chunk\r\n`);
    if (wanted.length > 0) expect(statuses(answer.text)).toEqual(wanted);
    expect((await sendRaw(gateway, getRequest("/", { Host: "app.test" }))).status).toBe(200);
    expect(gateway.linesOf("upstream taken out")).toEqual([]);
  });
});
