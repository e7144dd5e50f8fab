import { describe, expect, it } from "vitest";
import { main } from "../../lib/cli/main.ts";
import { fakeIo } from "./_fake_io.ts";

describe("sallyport publish", () => {
  it.each([
    ["no place of the service", ["app"], 2, /Nothing says where the service is[^]*hint: add --to HOST:PORT/],
    ["a place without a port", ["app", "--to", "localhost"], 2, /--to localhost: /],
    [
      "no gateway",
      ["app", "--to", "localhost:1"],
      2,
      /Nothing says where the gateway is[^]*hint: add --gateway-url/,
    ],
    ["a gateway that is none", ["app", "--to", "localhost:1", "--gateway-url", "x://y"], 2, /gateway URL/],
    ["a gateway that is not there", ["http://127.0.0.1:1", "--to", "localhost:1"], 1, /127\.0\.0\.1:1/],
    ["a destination as route", ["tcp+http://127.0.0.1:1", "--to", "localhost:1"], 1, /127\.0\.0\.1/],
  ])("refuses %s", async (_, args, code, says) => {
    const io = fakeIo();
    expect(await main(["publish", ...args], io)).toBe(code);
    expect(io.err()).toMatch(says);
  });
});
