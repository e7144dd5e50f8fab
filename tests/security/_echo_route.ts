import { afterAll, beforeAll } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";

/** With a public route `echo.test:7` to {@link echo}; from {@link useEchoRoute}. */
export let gateway: TestGateway;
/** Sends back what it gets. */
export let echo: TestService;

/** Starts both for the tests of a file. @param timeout for reading heads and for idle connections, as `300ms` */
export function useEchoRoute(timeout: string): void {
  beforeAll(async () => {
    echo = serveEcho();
    gateway = await startTestGateway(`
timeout_read: ${timeout}
timeout_idle: ${timeout}
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allow_public_unauthenticated_access: true
`);
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    echo[Symbol.dispose]();
  });
}
