import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { utf8 } from "../../lib/base/bytes.ts";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { ManualClock } from "../_support/manual_clock.ts";
import { ShiftedClock } from "../_support/shifted_clock.ts";
import { FormBrowser } from "../_support/form_browser.ts";
import {
  PASSWORD,
  readExactly,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

const MINUTE_MS = 60_000;

let echo: TestService;
beforeEach(() => void (echo = serveEcho()));
afterEach(() => echo[Symbol.dispose]());

function config(): string {
  return `
session_idle_timeout: 30m
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_any_authenticated_user: true
`;
}

async function statusOf(gateway: TestGateway, token: string): Promise<number> {
  const { status, stream } = await gateway.connect("echo.test:7", { token });
  stream.close();
  return status;
}

function sessionsIn({ folder }: TestGateway): number {
  const db = new DatabaseSync(`${folder}/state/sallyport.db`);
  const row = db.prepare("SELECT count(*) AS n FROM sessions").get();
  db.close();
  return Number(row?.n);
}

it("a session holds while it is used, and is over when it was idle for too long", async () => {
  const clock = new ShiftedClock();
  await using gateway = await startTestGateway(config(), { clock });
  await gateway.addUser("ann");
  const token = await gateway.token("ann");
  for (let round = 0; round < 3; round++) {
    clock.advance(29 * MINUTE_MS);
    expect(await statusOf(gateway, token)).toBe(200);
  }
  clock.advance(31 * MINUTE_MS);
  expect(await statusOf(gateway, token)).toBe(401);
});

it("a browser whose session was idle for too long is asked to sign in, and may", async () => {
  const clock = new ShiftedClock();
  await using gateway = await startTestGateway(config(), { clock });
  await gateway.addUser("ann");
  using browser = new FormBrowser(gateway);
  const user = { name: "ann", password: PASSWORD };
  const page = `${gateway.url}/.pomerium/sign_in`;
  expect((await browser.signIn(page, user)).text).toContain("ann@localhost");
  clock.advance(20 * MINUTE_MS);
  expect((await browser.open(page)).text).toContain("ann@localhost");
  clock.advance(31 * MINUTE_MS);
  const asked = await browser.open(page);
  expect(asked.text).toContain('name="password"');
  expect((await browser.signIn(page, user)).text).toContain("ann@localhost");
});

it("an open tunnel is use; once it is gone the session ends, and is swept away", async () => {
  const clock = new ManualClock(Date.now());
  await using gateway = await startTestGateway(config(), { clock });
  await gateway.addUser("ann");
  await gateway.addUser("bob");
  const token = await gateway.token("ann");
  await gateway.token("bob");
  const { status, stream } = await gateway.connect("echo.test:7", { token });
  expect(status).toBe(200);
  const pass = async (minutes: number) => {
    for (let minute = 0; minute < minutes; minute++) {
      clock.advance(MINUTE_MS);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  };
  await pass(90);
  await stream.write(utf8("still"));
  expect(await readExactly(stream, 5)).toBe("still");
  expect(sessionsIn(gateway)).toBe(1);
  stream.close();
  await gateway.line("tunnel ended");
  await pass(29);
  expect(sessionsIn(gateway)).toBe(1);
  await pass(20);
  await until(() => sessionsIn(gateway) === 0 ? true : undefined);
});
