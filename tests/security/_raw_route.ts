import { afterAll, beforeAll, beforeEach } from "vitest";
import { RawService } from "../_support/raw_service.ts";
import { startTestGateway, type TestGateway } from "../_support/test_gateway.ts";
import { routeTo } from "../gateway/_http_route.ts";

/** Answers the route, and has what each test sent to it; from {@link useRawRoute}. */
export let service: RawService;
/** With an HTTP route to {@link service}. */
export let gateway: TestGateway;

/** Starts both for the tests of a file. */
export function useRawRoute(): void {
  beforeAll(async () => {
    service = new RawService();
    gateway = await startTestGateway(routeTo(service.url));
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    service[Symbol.dispose]();
  });
  beforeEach(() => {
    service.received = "";
  });
}
