import { afterAll, beforeAll, expect, it } from "vitest";
import { serveEcho, type TestService } from "../_support/echo.ts";
import { sha256 } from "../_support/programs.ts";
import {
  openDescriptors,
  readAll,
  startTestGateway,
  type TestGateway,
  until,
} from "../_support/test_gateway.ts";

const TUNNELS = 200;
const MIN_BYTES = 64 * 1024;
const MAX_BYTES = 64 * 1024 * 1024;
let gateway: TestGateway;
let echo: TestService;
let token: string;

beforeAll(async () => {
  echo = serveEcho();
  gateway = await startTestGateway(`
routes:
  - from: tcp+https://echo.test:7
    to: tcp://127.0.0.1:${echo.port}
    allowed_domains: [example.com]
`);
  await gateway.addUser("ann", { email: "ann@example.com" });
  token = await gateway.token("ann");
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  echo[Symbol.dispose]();
});

/** Most are small; one is of the largest size. */
function sizeOf(index: number): number {
  return index === 0 ? MAX_BYTES : MIN_BYTES * 2 ** (index % 6);
}

async function roundTrip(index: number): Promise<boolean> {
  const block = crypto.getRandomValues(new Uint8Array(MIN_BYTES));
  const bytes = new Uint8Array(sizeOf(index));
  // Each block differs by its number, so that a block lost, doubled or swapped is seen.
  for (let offset = 0, n = 0; offset < bytes.length; offset += block.length, n++) {
    bytes.set(block, offset);
    new DataView(bytes.buffer).setUint32(offset, n);
  }
  const { status, stream } = await gateway.connect("echo.test:7", { token });
  expect(status).toBe(200);
  const [received] = await Promise.all([
    readAll(stream),
    stream.write(bytes).then(() => stream.closeWrite()),
  ]);
  stream.close();
  return await sha256(bytes) === await sha256(new Uint8Array(received));
}

it(
  "200 tunnels at once carry 64 KiB to 64 MiB each way with every hash right, and leave nothing behind",
  async () => {
    await until(() => gateway.gateway.openConnections === 0);
    const before = openDescriptors();
    const results = await Promise.all(Array.from({ length: TUNNELS }, (_, index) => roundTrip(index)));
    expect(results.filter(Boolean)).toHaveLength(TUNNELS);
    await until(() =>
      gateway.gateway.tunnels.size === 0 && gateway.gateway.openConnections === 0 && echo.open === 0
    );
    await until(() => openDescriptors() <= before);
    expect(gateway.linesOf("tunnel ended")).toHaveLength(TUNNELS);
  },
  180_000,
);
