import { expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { denoStream } from "../../lib/base/deno_stream.ts";
import { RawService } from "../_support/raw_service.ts";
import { readAll, startTestGateway, until } from "../_support/test_gateway.ts";
import { routeTo, SIGNED_IN } from "../gateway/_http_route.ts";

const PART = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";

it.each<[string, { answer: string; head: string }]>([
  ["an upload that the service has not answered", {
    answer: "",
    head: "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
  }],
  ["a request that the service has not answered", {
    answer: "",
    head: "GET / HTTP/1.1\r\nConnection: close\r\n",
  }],
  ["an answer without end", { answer: PART, head: "GET / HTTP/1.1\r\n" }],
  ["an answer without end to a request for another protocol", {
    answer: PART,
    head: "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
  }],
])("%s ends with the session of its caller", async (_, { answer, head }) => {
  using service = new RawService(() => answer);
  const keys = `timeout: 0\nallow_websockets: true\n${SIGNED_IN}`;
  await using gateway = await startTestGateway(routeTo(service.url, keys));
  await gateway.addUser("ann");
  const token = await gateway.token("ann");
  const stream = denoStream(await gateway.dial());
  await stream.write(utf8(`${head}Host: app.test\r\nAuthorization: Pomerium ${token}\r\n\r\n`));
  const over = readAll(stream).catch(() => null);
  await until(() => gateway.gateway.tunnels.size === 1);
  await gateway.gateway.users.remove("ann");
  await over;
  await until(() => gateway.gateway.tunnels.size === 0 && service.open === 0);
  expect(await gateway.line("request ended")).toMatchObject({ reason: "session-ended" });
  stream.close();
});
