import { expect, it } from "vitest";
import type { Field } from "../../lib/codec/qpack.ts";
import { Http2Client } from "../../lib/upstream/_http2_client.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { until } from "../_support/test_gateway.ts";

const GET: readonly Field[] = [[":method", "GET"], [":scheme", "http"], [":authority", "a.test"], [
  ":path",
  "/",
]];
const SETTINGS = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/** The last stream is 1, the code NO_ERROR. */
const GOAWAY = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

it("a connection on which the server says GOAWAY takes no more requests", async () => {
  const [near, far] = memoryPair();
  const client = new Http2Client(near);
  const into = new Uint8Array(4096);
  const draining = (async () => {
    while (await far.read(into) !== null);
  })();
  await far.write(new Uint8Array(SETTINGS));
  expect(client.isOpen).toBe(true);
  const request = client.request(GET, null);
  await far.write(new Uint8Array(GOAWAY));
  await until(() => !client.isOpen);
  client.close();
  await expect(request).rejects.toThrow();
  await draining.catch(() => {});
});

it("a request on a connection that breaks fails", async () => {
  const [near, far] = memoryPair();
  const client = new Http2Client(near);
  const request = client.request(GET, null);
  far.close();
  await expect(request).rejects.toThrow();
  await until(() => !client.isOpen);
});
