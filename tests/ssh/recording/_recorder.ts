import { systemClock } from "../../../lib/base/clock.ts";
import type { Clock } from "../../../lib/base/clock.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import type { SessionRecordingSettings } from "../../../lib/config/config.ts";
import { type AuditRecording, jsonAuditTrail } from "../../../lib/observe/audit.ts";
import { jsonLog } from "../../../lib/observe/log.ts";
import {
  DirectoryRecorder,
  type DirectoryRecorderOptions,
} from "../../../lib/ssh/recording/directory_recorder.ts";
import type { RecordingMeta } from "../../../lib/ssh/handlers.ts";

/** A recorder in a folder of its own; disposing removes the folder. */
export interface TestRecorder extends AsyncDisposable {
  readonly recorder: DirectoryRecorder;
  readonly folder: string;
  readonly key: CryptoKey;
  /** Messages of the log. */
  readonly logged: readonly string[];
  /** Entries of the trail. */
  readonly trail: readonly AuditRecording[];
  /** Names of the files. */
  files(): string[];
  /** The lines of the only file, parsed. */
  lines(): unknown[];
  /** The path of the only file. */
  path(): string;
}

export async function testKey(): Promise<CryptoKey> {
  return await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

export async function testRecorder(
  settings: Partial<SessionRecordingSettings> & { clock?: Clock } & Pick<DirectoryRecorderOptions, "create"> =
    {},
): Promise<TestRecorder> {
  const { clock = systemClock, create, ...rest } = settings;
  const root = await Deno.makeTempDir();
  const folder = `${root}/recordings`;
  const key = await testKey();
  const logged: string[] = [];
  const trail: AuditRecording[] = [];
  const recorder = new DirectoryRecorder({
    settings: () => ({ directory: null, onFailure: "end", maxBytes: 1024 ** 3, ...rest }),
    defaultDirectory: folder,
    key: () => key,
    clock,
    random: systemRandom,
    log: jsonLog({
      level: "trace",
      sink: (line) => logged.push(JSON.parse(line).message),
      now: () => clock.now(),
    }),
    audit: {
      ...jsonAuditTrail({ sink: () => {}, now: () => clock.now() }),
      recording: (entry) => void trail.push(entry),
    },
    ...(create === undefined ? {} : { create }),
  });
  const files = () => [...Deno.readDirSync(folder)].map(({ name }) => name);
  const path = () => {
    const [name, ...more] = files();
    if (name === undefined || more.length > 0) throw new Error(`there are ${more.length + 1} files, or none`);
    return `${folder}/${name}`;
  };
  return {
    recorder,
    folder,
    key,
    logged,
    trail,
    files,
    path,
    lines: () => Deno.readTextFileSync(path()).trimEnd().split("\n").map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

export const PTY = { term: "xterm-256color", columns: 100, rows: 30, width: 0, height: 0, modes: {} };

export const SHELL: RecordingMeta = {
  login: {
    connectionId: "c-1",
    username: "root",
    routeName: "prod",
    ip: "192.0.2.7",
    caller: {
      kind: "session",
      session: { sessionId: "s-1", userId: "u-1", email: "ann@example.com", groups: [], claims: {} },
      providerId: null,
      sessionExpiresAt: 0,
      carrier: "cookie",
    },
    ssh: { username: "root", publicKey: new Uint8Array() },
    keyFingerprint: "SHA256:abc",
  },
  routeId: "0123456789abcdef",
  routeName: "prod",
  upstream: "10.0.0.5:22",
  kind: { type: "shell", name: "" },
  pty: PTY,
};

/** What a session without terminal is recorded as. */
export function commandMeta(type: "exec" | "subsystem", name: string): RecordingMeta {
  return { ...SHELL, kind: { type, name }, pty: null };
}

/** The events of a recording of a session without terminal, without header, seals and times. */
export function eventsOf(lines: readonly unknown[]): Record<string, unknown>[] {
  return lines.slice(1).map((line) => {
    const { time: _, ...fields } = line as Record<string, unknown>;
    return fields;
  }).filter(({ event }) => event !== "seal");
}
