import { afterEach, expect, it } from "vitest";
import { createAuthority, issueServerCertificate } from "../../lib/pki/development_authority.ts";
import { until } from "../_support/test_gateway.ts";

const MAX_DESCRIPTORS = 90;
const ROOT = new URL("../../", import.meta.url);

let cleanup = new AsyncDisposableStack();
afterEach(async () => {
  const opened = cleanup;
  cleanup = new AsyncDisposableStack();
  await opened.disposeAsync();
});

/** Accepts TLS in a process that may have few descriptors; says its port, then how many connections it has at each change. */
const PROGRAM = `
  import { acceptTls } from "./lib/listen/tls_acceptor.ts";
  import { systemClock } from "./lib/base/clock.ts";
  import { silentLog } from "./lib/observe/log.ts";
  const pair = JSON.parse(Deno.env.get("PAIR"));
  const acceptor = acceptTls({
    hostname: "127.0.0.1", port: 0, alpn: [], handshakeTimeoutMs: 60_000, maxConnections: 1000,
    certificates: { certificates: [{ pair }], select: () => pair },
    onConnection: ({ stream }) => stream.close(), clock: systemClock, log: silentLog,
  });
  // The platform would end the process if it were out of descriptors when it first has to do with signals.
  Deno.addSignalListener("SIGHUP", () => {});
  console.log(acceptor.port);
  let before = 0;
  setInterval(() => {
    if (acceptor.openConnections !== before) console.log(before = acceptor.openConnections);
  }, 10);
`;

it("acceptTls() goes on after it was out of descriptors", async () => {
  const now = Date.now();
  const authority = await createAuthority({ now, commonName: "Test authority" });
  const { certPem, keyPem } = await issueServerCertificate({ authority, names: ["localhost"], now });
  const child = new Deno.Command("sh", {
    args: ["-c", `ulimit -n ${MAX_DESCRIPTORS}; exec "$0" eval --ext=ts "$1"`, Deno.execPath(), PROGRAM],
    env: { PAIR: JSON.stringify({ certPem, keyPem }) },
    cwd: ROOT,
    stdout: "piped",
  }).spawn();
  cleanup.defer(async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended, which the test finds out.
    }
    await child.status;
  });
  const said: string[] = [];
  void child.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
    new WritableStream({ write: (text) => void said.push(...text.trim().split("\n")) }),
  ).catch(() => {});
  const port = Number(await until(() => said[0]));
  const count = () => Number(said.slice(1).at(-1) ?? 0);

  const crowd = await Promise.all(Array.from({ length: 2 * MAX_DESCRIPTORS }, () => Deno.connect({ port })));
  const most = await until(() => count() > 20 && count());
  expect(most).toBeLessThan(MAX_DESCRIPTORS);
  for (const conn of crowd) conn.close();
  await until(() => count() === 0);
  const late = await Promise.all(Array.from({ length: 5 }, () => Deno.connect({ port })));
  cleanup.defer(() => late.forEach((conn) => conn.close()));
  await until(() => count() === 5);
});
