import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getRequest, sendRaw } from "../_support/raw_http.ts";
import { type TestGateway, until } from "../_support/test_gateway.ts";
import { browse, csrfOf, startWithAnn } from "./_support.ts";

let gateway: TestGateway;

beforeAll(async () => {
  const fields =
    "[method, authority, path, query, user-agent, referer, forwarded-for, headers.x-any, request-id]";
  ({ gateway } = await startWithAnn(`access_log_fields: ${fields}`));
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** Whether a line could be taken for two, or does something to a terminal. */
// deno-lint-ignore no-control-regex -- these are what is looked for
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

function expectCleanLog(): void {
  expect(gateway.written.filter((line) => UNSAFE.test(line))).toEqual([]);
  for (const line of gateway.lines) {
    expect(Object.keys(line).slice(0, 3)).toEqual(["level", "time", "message"]);
  }
}

const FORGED = '{"level":"info","message":"signed in","user":"root"}';

describe("log injection", () => {
  it.each([
    ["a line break", `ann\r\n${FORGED}`],
    ["quotes", `ann","message":"signed in","x":"`],
    ["a terminal sequence", "ann\u001b[2J\u001b]0;owned\u0007"],
    ["an 8-bit terminal sequence", "ann\u009b2J"],
    ["separators of Unicode", "ann\u2028x\u2029y\u0085z"],
    ["a NUL", "ann\u0000"],
    ["half a pair", "ann\ud800"],
    ["10,000 characters", "a".repeat(10_000)],
  ])("by a user name with %s", async (_what, name) => {
    using browser = browse(gateway);
    const page = await browser.open(`${gateway.url}/.pomerium/sign_in`);
    const body = new URLSearchParams({ csrf: csrfOf(page.text), username: name, password: "x" });
    const before = gateway.lines.filter(({ message }) =>
      /^sign in (refused|limited)$/.test(String(message))
    ).length;
    const response = await browser.request(page.url, { method: "POST", body });
    expect([401, 429]).toContain(response.status);
    const refused = gateway.lines.filter(({ message }) =>
      /^sign in (refused|limited)$/.test(String(message))
    );
    expect(refused).toHaveLength(before + 1);
    expect(String(refused.at(-1)!["user-name"]).length).toBeLessThanOrEqual(64);
    expectCleanLog();
  });

  it.each([
    ["quotes", `a","message":"tunnel opened","x":"b:1`],
    ["a tab", "a\tb:1"],
    ["bytes above ASCII", "a\u009b2J\u0085b:1"],
    ["10,000 characters", `${"a".repeat(10_000)}:1`],
  ])("by a CONNECT target with %s", async (_what, target) => {
    const { status, stream } = await gateway.connect(target, { headers: { host: "x" } });
    stream.close();
    expect(status).toBe(400);
    expectCleanLog();
    expect(gateway.linesOf("tunnel opened")).toEqual([]);
  });

  it.each([
    ["quotes", `x","message":"signed in","y":"`],
    ["a tab", "x\ty"],
    ["bytes above ASCII", "x\u009b2J\u0085\u2028y"],
    ["60,000 characters", "x".repeat(20_000)],
  ])("by header fields with %s", async (_what, value) => {
    const path = `/ping?q=${encodeURIComponent(value)}`;
    const fields = {
      Host: "localhost",
      "User-Agent": value,
      Referer: value,
      "X-Forwarded-For": value,
      "X-Any": value,
    };
    const { status } = await sendRaw(
      gateway,
      getRequest(value.length > 10_000 ? "/ping" : path, {
        ...fields,
        ...(value.length > 10_000 ? { Referer: "", "X-Forwarded-For": "" } : {}),
      }),
    );
    expect(status).toBe(200);
    await until(() =>
      gateway.linesOf("http-request").some((line) => String(line["user-agent"]).startsWith("x"))
    );
    expectCleanLog();
    for (const line of gateway.written) expect(line.length).toBeLessThan(8192);
  });

  it("by a path with an encoded line break", async () => {
    await sendRaw(gateway, getRequest(`/x%0d%0a${encodeURIComponent(FORGED)}%9b`, { Host: "localhost" }));
    expectCleanLog();
  });
});
