import type { Snapshot } from "./snapshot.ts";

/** Where all workers listen; 0: not at all. */
export interface Ports {
  /** For TLS. */
  readonly tls: number;
  /** For SSH. */
  readonly ssh: number;
}

/** A configuration that all workers serve, and where. */
export interface SharedConfig {
  /** What it is. */
  readonly snapshot: Snapshot;
  /** Where the configuration says port 0. */
  readonly ports: Ports;
  /** How many there were before it, and one. */
  readonly revision: number;
}

/** What a worker is started with. */
export interface WorkerStart {
  /** Which one it is, from 1. */
  readonly number: number;
  /** What it serves at first. */
  readonly shared: SharedConfig;
  /** Where state is kept. */
  readonly stateDirectory: string;
  /** What all workers call themselves toward other proxies. */
  readonly instance: string;
  /** Folder of the sockets of all workers. */
  readonly socketFolder: string;
}

/** A tunnel of a worker that has ended, for clients that ask. */
export interface LostTunnel {
  /** The request that opened it. */
  readonly id: string;
  /** Whose it was; `null`: nobody needed to be signed in. */
  readonly sessionId: string | null;
}

/** What the supervisor tells a worker. */
export type ToWorker =
  /** The first. */
  | { readonly kind: "start"; readonly start: WorkerStart }
  /** Another worker has put up a notice, or taken one down: `value` is `null` then. */
  | { readonly kind: "posted"; readonly worker: number; readonly key: string; readonly value: unknown }
  /** Another worker has said something to all. */
  | { readonly kind: "said"; readonly worker: number; readonly topic: string; readonly value: unknown }
  /** Another worker has ended, and its notices are void. */
  | { readonly kind: "gone"; readonly worker: number; readonly tunnels: readonly LostTunnel[] }
  /** Nothing more is to be accepted, and the worker is to end. */
  | { readonly kind: "stop" };

/** What a worker tells the supervisor. */
export type FromWorker =
  /** It listens. */
  | {
    readonly kind: "ready";
    readonly pid: number;
    readonly url: string;
    readonly authorityFile: string | null;
  }
  /** It cannot start, and why. */
  | { readonly kind: "failed"; readonly message: string; readonly hint?: string | undefined }
  /** For all others to know as long as the worker lives, or until it says `null` under the same key. */
  | { readonly kind: "post"; readonly key: string; readonly value: unknown }
  /** For all others to hear now. */
  | { readonly kind: "say"; readonly topic: string; readonly value: unknown };

/** What a message of a worker begins with on its standard output; a line of its log begins otherwise. */
export const MESSAGE_MARK = "!";
/** Longest message to a worker: a configuration and its files fit. */
export const MAX_TO_WORKER_BYTES = 256 * 1024 * 1024;
/** Longest message or line of the log of a worker. */
export const MAX_FROM_WORKER_BYTES = 1024 * 1024;

/** A message as it stands on standard input or output, its end included. */
export function messageLine(message: ToWorker | FromWorker, mark = ""): string {
  return `${mark}${JSON.stringify(message)}\n`;
}
