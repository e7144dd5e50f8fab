// deno-lint-ignore-file no-console -- a script speaks to the terminal

import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { encodeBase64Url } from "../../lib/base/bytes.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { deriveKeys } from "../../lib/identity/keys.ts";
import { SessionTokens } from "../../lib/identity/session_token.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Store } from "../../lib/store/store.ts";
import { delay, freePort, startDeno, within } from "./children.ts";
import { openTunnel } from "./open_tunnel.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

const USERS = 500;
const IDLE_PER_USER = 20;
/** Each with one tunnel that is never quiet. */
const BUSY_USERS = 200;
/** Some of them busy, some not. */
const REVOKED = { from: 175, to: 225 };
/** Openings at once. */
const CONCURRENCY = 50;
const DAY_MS = 86_400_000;

interface Watched {
  readonly user: number;
  readonly stream: ByteStream;
  /** Milliseconds since 1970 with fractions; `null` while it is open. */
  endedAt: number | null;
  /** Round trips so far, of a busy one. */
  rounds: number;
}

/**
 * How long a tunnel outlives its session: 10,000 idle and 200 busy tunnels of 500 people through two gateway processes that
 * share a store, in which a third process ends the sessions of 50. (Two processes because a tunnel takes two descriptors of
 * the gateway's, and 20,000 is a usual limit.)
 *
 * @returns the exit code: 1 when a tunnel outlived its session by 10 s, or one that is still allowed was touched
 */
export async function liveBench(): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const workspace = stack.use(await makeWorkspace());
  const echo = stack.use(startDeno("scripts/bench/echo.ts", {}));
  const echoPort = Number(await echo.firstLine(10_000));
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const ports = [freePort(), freePort()];
  for (const port of ports) await startGateway(stack, { workspace, port, echoPort, secret });
  const store = stack.use(await openSqliteStore({ path: workspace.file("state/sallyport.db") }));
  const tokens = await signEverybodyIn(store, secret);

  const startedMs = performance.now();
  const watched = await openAll({ ports, caPem: workspace.caPem, tokens });
  const openedS = (performance.now() - startedMs) / 1000;
  console.log(`${watched.length} tunnels of ${USERS} people open after ${openedS.toFixed(1)} s`);
  await delay(1000);

  const revokedAt = epochMs();
  for (let user = REVOKED.from; user < REVOKED.to; user++) await store.removeSession(sessionId(user));
  const took = epochMs() - revokedAt;
  const isRevoked = ({ user }: Watched) => user >= REVOKED.from && user < REVOKED.to;
  const cut = watched.filter(isRevoked);
  await within(10_000, allEnded(cut), "some tunnels of ended sessions live on").catch((error) =>
    console.log(error.message)
  );
  await delay(500);

  const times = cut.map(({ endedAt }) => (endedAt ?? Infinity) - revokedAt).sort((a, b) => a - b);
  const kept = watched.filter((one) => !isRevoked(one));
  const touched = kept.filter(({ endedAt }) => endedAt !== null).length;
  const stuck = await countStuck(kept);
  console.log(
    `ending ${REVOKED.to - REVOKED.from} sessions took ${
      took.toFixed(0)
    } ms; of their ${cut.length} tunnels the last byte came`,
  );
  for (const [name, share] of [["p50", 0.5], ["p99", 0.99], ["last", 1]] as const) {
    const index = Math.min(times.length - 1, Math.ceil(times.length * share) - 1);
    console.log(
      `  ${name.padEnd(5)} ${times[index]!.toFixed(0).padStart(6)} ms after the first of them was ended`,
    );
  }
  console.log(`of the ${kept.length} other tunnels ${touched} ended, and ${stuck} of the busy ones stopped`);
  for (const { stream } of watched) stream.close();
  return touched + stuck === 0 && times.at(-1)! < 10_000 ? 0 : 1;
}

async function startGateway(
  stack: AsyncDisposableStack,
  options: { workspace: Workspace; port: number; echoPort: number; secret: Uint8Array },
): Promise<void> {
  const args = ["serve", "-c", await writeConfig(options.workspace, options)];
  const gateway = stack.use(
    startDeno("mod.ts", { args: [...args, "--state-dir", options.workspace.file("state")] }),
  );
  await gateway.accepting(options.port, 20_000);
}

function writeConfig(
  workspace: Workspace,
  { port, echoPort, secret }: { port: number; echoPort: number; secret: Uint8Array },
): Promise<string> {
  return workspace.write(
    `routes-${port}.yaml`,
    `address: 127.0.0.1:${port}
shared_secret: ${encodeBase64Url(secret)}
certificates: [{ cert: ${workspace.certFile}, key: ${workspace.keyFile} }]
routes:
  - from: tcp+https://echo.localhost:7
    to: tcp://127.0.0.1:${echoPort}
    policy: [{ allow: { or: [{ domain: example.com }] } }]
`,
  );
}

/** Sessions as a sign-in makes them, without the 500 passwords. */
async function signEverybodyIn(store: Store, secret: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const { sessionToken: key } = await deriveKeys(secret);
  const tokens = new SessionTokens({ key, clock: systemClock });
  const times = { createdAt: Date.now(), expiresAt: Date.now() + DAY_MS };
  const made: string[] = [];
  for (let user = 0; user < USERS; user++) {
    const name = `user-${user}`;
    await store.addUser({
      id: name,
      name,
      email: `${name}@example.com`,
      displayName: "",
      groups: [],
      passwordHash: "",
      createdAt: times.createdAt,
    });
    await store.addSession({ id: sessionId(user), userId: name, providerId: "local", claims: {}, ...times });
    made.push(
      await tokens.issue({
        issuer: "localhost",
        userId: name,
        audience: ["localhost"],
        sessionId: sessionId(user),
        providerId: "local",
        issuedAt: times.createdAt,
        expiresAt: times.expiresAt,
      }),
    );
  }
  return made;
}

function sessionId(user: number): string {
  return `session-${user}`;
}

async function openAll(
  { ports, caPem, tokens }: { ports: readonly number[]; caPem: string; tokens: readonly string[] },
): Promise<Watched[]> {
  const wanted = tokens.flatMap((_, user) => {
    const idle = Array.from({ length: IDLE_PER_USER }, () => ({ user, isBusy: false }));
    return user < BUSY_USERS ? [...idle, { user, isBusy: true }] : idle;
  });
  const watched: Watched[] = [];
  const work = async () => {
    for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
      const { user, isBusy } = next;
      const connect = { authority: "echo.localhost:7", token: tokens[user]! };
      const port = ports[wanted.length % ports.length]!;
      const stream = await openTunnel({ port, caPem, connect });
      const one: Watched = { user, stream, endedAt: null, rounds: 0 };
      watched.push(one);
      void watch(one, isBusy);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return watched;
}

async function watch(one: Watched, isBusy: boolean): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    do {
      if (isBusy) await one.stream.write(buffer);
      if (await one.stream.read(buffer) === null) break;
      one.rounds++;
      await delay(20);
    } while (isBusy);
  } catch {
    // A reset is an end as well.
  }
  one.endedAt = epochMs();
}

async function allEnded(cut: readonly Watched[]): Promise<void> {
  while (cut.some(({ endedAt }) => endedAt === null)) await delay(10);
}

async function countStuck(kept: readonly Watched[]): Promise<number> {
  const busy = kept.filter(({ rounds }) => rounds > 0);
  const before = busy.map(({ rounds }) => rounds);
  await delay(1000);
  return busy.filter(({ rounds }, index) => rounds === before[index]).length;
}

function epochMs(): number {
  return performance.timeOrigin + performance.now();
}
