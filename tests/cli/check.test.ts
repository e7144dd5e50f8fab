import { describe, expect, it } from "vitest";
import { main } from "../../lib/cli/main.ts";
import { fakeIo, type FakeIoOptions } from "./_fake_io.ts";

const route = (tests: string) => `
routes:
- from: tcp+https://a:1
  to: tcp://b:1
  allowed_users: [a@example.com]
  tests: [${tests}]`;

async function check(text: string, options: FakeIoOptions = {}) {
  const io = fakeIo({ files: { "routes.yaml": text }, ...options });
  const code = await main(["check"], io);
  return { code, out: io.out(), err: io.err() };
}

describe("sallyport check", () => {
  it.each([
    ["", ""],
    ["{expect: login}", "1 policy test passed, "],
    ["{expect: login}, {user: a@example.com, expect: allow}", "2 policy tests passed, "],
  ])("says how many tests of policies passed: %s", async (tests, said) => {
    expect(await check(route(tests))).toEqual({
      code: 0,
      out: `routes.yaml: 1 route, ${said}nothing that keeps the gateway from starting\n`,
      err: "",
    });
  });

  it("fails with a test that does, and shows where", async () => {
    const { code, out, err } = await check(route("{expect: allow}"));
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^routes\.yaml:6:20: error: This test expects allow, and the policy answers login: /);
  });

  it("counts what the environment says, and names the variable that is wrong", async () => {
    const { code, err } = await check("routes: []", { env: { COOKIE_EXPIRE: "soon" } });
    expect(code).toBe(1);
    expect(err).toMatch(/^environment variable COOKIE_EXPIRE: error: cookie_expire must be a duration/);
  });
});
