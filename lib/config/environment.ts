import { downstreamMtlsKeys } from "./downstream_mtls_keys.ts";
import { globalKeys } from "./global_keys.ts";
import { runtimeFlagKeys } from "./runtime_flags.ts";
import { sessionRecordingsKeys } from "./session_recording_keys.ts";

/** What a name may begin with to say that it is meant for this program: such a name is asked for first. */
export const ENVIRONMENT_PREFIX = "SALLYPORT_";

/** A place in the configuration that the environment can set. */
export interface EnvironmentKey {
  /** Name of the variable, without {@link ENVIRONMENT_PREFIX}. */
  readonly name: string;
  /** A key of the top level, or such a key and one in it. */
  readonly path:
    | readonly [key: keyof typeof globalKeys]
    | readonly [key: keyof typeof globalKeys, member: string];
}

/** The keys within those keys of the top level that hold a mapping of known keys. */
const MEMBERS: Partial<Record<keyof typeof globalKeys, readonly string[]>> = {
  runtime_flags: Object.keys(runtimeFlagKeys),
  downstream_mtls: Object.keys(downstreamMtlsKeys),
  session_recordings: Object.keys(sessionRecordingsKeys),
  circuit_breaker_thresholds: [
    "max_connections",
    "max_pending_requests",
    "max_requests",
    "max_retries",
    "max_connection_pools",
  ],
  blob_storage: ["bucket_uri", "managed_prefix"],
};

/**
 * Everything that the environment can set: every key of the top level that was not removed, and the keys within those
 * that hold a mapping. The name is the key in upper case, after that of the mapping and an underscore.
 */
export const environmentKeys: readonly EnvironmentKey[] = Object.entries(globalKeys)
  .filter(([, spec]) => spec.status !== "removed")
  .flatMap(([name]) => {
    const key = name as keyof typeof globalKeys;
    const paths: EnvironmentKey["path"][] = [
      [key],
      ...(MEMBERS[key] ?? []).map((member) => [key, member] as const),
    ];
    return paths.map((path) => ({ name: path.join("_").toUpperCase(), path }));
  });
