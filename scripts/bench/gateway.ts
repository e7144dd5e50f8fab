import { encodeBase64Url } from "../../lib/base/bytes.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { deriveKeys } from "../../lib/identity/keys.ts";
import { SessionTokens } from "../../lib/identity/session_token.ts";
import { openSqliteStore } from "../../lib/store/sqlite_store.ts";
import type { Scene } from "./bench.ts";
import { type Child, freePort } from "./children.ts";

/** A gateway that a benchmark measures. */
export interface Gateway {
  readonly port: number;
  readonly child: Child;
  /** Options that name its configuration and state, for the commands of `mod.ts`. */
  readonly files: readonly string[];
  /** Processes, for their processor time and memory. */
  readonly pids: readonly number[];
  /** Signs people in, as a sign-in does, without their passwords. @returns a token for each */
  signIn(people: readonly Person[]): Promise<string[]>;
}

/** Somebody who is signed in. */
export interface Person {
  readonly name: string;
  readonly groups: readonly string[];
}

/** How to start a gateway. */
export interface GatewayOptions {
  /** Unique in the benchmark: names its files. */
  readonly name: string;
  /** The rest of its configuration, which may need the port that it listens on. */
  readonly yaml: string | ((port: number) => string);
  /** Folder of another checkout. Default this one. */
  readonly tree?: string | null;
  /** Folder of its state, where several gateways share one. Default one of its own. */
  readonly state?: string;
  /** Of sessions, where several gateways share them. Default a fresh one. */
  readonly secret?: Uint8Array<ArrayBuffer>;
}

const DAY_MS = 86_400_000;

/** Starts one, with the certificate of the benchmark for every name. The scene ends it. */
export async function startGateway(
  { workspace, programs }: Scene,
  options: GatewayOptions,
): Promise<Gateway> {
  const { name, yaml, tree = null, state = `state-${name}` } = options;
  const { secret = crypto.getRandomValues(new Uint8Array(32)) } = options;
  const port = freePort();
  const routes = await workspace.write(
    `routes-${name}.yaml`,
    `address: 127.0.0.1:${port}
shared_secret: ${encodeBase64Url(secret)}
certificates: [{ cert: ${workspace.certFile}, key: ${workspace.keyFile} }]
${typeof yaml === "string" ? yaml : yaml(port)}`,
  );
  const files = ["-c", routes, "--state-dir", workspace.file(state)];
  const child = programs.startDeno("mod.ts", { args: ["serve", ...files], tree, side: "tested" });
  await child.accepting(port, 20_000);
  return {
    ...{ port, child, files },
    pids: [child.pid],
    signIn: (people) => signIn(people, { secret, path: workspace.file(`${state}/sallyport.db`) }),
  };
}

async function signIn(
  people: readonly Person[],
  { secret, path }: { secret: Uint8Array<ArrayBuffer>; path: string },
): Promise<string[]> {
  await using store = await openSqliteStore({ path });
  const { sessionToken: key } = await deriveKeys(secret);
  const tokens = new SessionTokens({ key, clock: systemClock });
  const times = { createdAt: Date.now(), expiresAt: Date.now() + DAY_MS };
  const made: string[] = [];
  for (const { name, groups } of people) {
    const user = { id: name, name, email: `${name}@example.com`, displayName: "", groups, passwordHash: "" };
    await store.addUser({ ...user, createdAt: times.createdAt });
    const sessionId = sessionIdOf(name);
    await store.addSession({ id: sessionId, userId: name, providerId: "local", claims: {}, ...times });
    const facts = {
      issuer: "localhost",
      userId: name,
      audience: ["localhost"],
      sessionId,
      providerId: "local",
    };
    made.push(await tokens.issue({ ...facts, issuedAt: times.createdAt, expiresAt: times.expiresAt }));
  }
  return made;
}

/** The session of somebody who was signed in so. */
export function sessionIdOf(name: string): string {
  return `session-${name}`;
}

/** Makes something the first time that it is asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => made ??= make();
}
