import type { SessionRecordingSettings } from "./config.ts";
import type { FileReader } from "./_files.ts";
import { type KeyTable, served, type Values } from "./key_table.ts";
import { type MappingPlace, readKeys } from "./_read_keys.ts";
import { sessionRecordingKeys, sessionRecordingsKeys } from "./session_recording_keys.ts";
import { mapping } from "./value_types.ts";

/** The keys of the top level about recordings. */
export const recordingKeys = {
  session_recordings: served({
    type: mapping("mapping", { $ref: "#/$defs/session_recordings" }),
    absent: {},
    description: "How sessions of routes with `session_recording` are kept, see below.",
  }),
} satisfies KeyTable;

/** The keys of routes about recordings. */
export const recordingRouteKeys = {
  session_recording: served({
    type: mapping("mapping", { $ref: "#/$defs/session_recording" }),
    absent: {},
    description:
      "`enabled: true` records what is done in sessions, see `session_recordings` and [recordings.md](recordings.md).",
    protocols: ["ssh"],
  }),
} satisfies KeyTable;

/** How recordings are kept. @param place the top level */
export function readSessionRecordings(
  values: Values<typeof recordingKeys>,
  { place, files }: { place: MappingPlace; files: FileReader },
): SessionRecordingSettings {
  const { directory, on_failure: onFailure, max_bytes: maxBytes } = readKeys(sessionRecordingsKeys, {
    mapping: values.session_recordings,
    path: ["session_recordings"],
    report: place.report,
    isStrict: true,
  });
  return Object.freeze({
    directory: directory === null ? null : files.pathOf(directory),
    onFailure,
    maxBytes,
  });
}

/** Whether sessions of a route are recorded. @param place the route */
export function readIsRecorded(values: Values<typeof recordingRouteKeys>, place: MappingPlace): boolean {
  return readKeys(sessionRecordingKeys, {
    mapping: values.session_recording,
    path: [...place.path, "session_recording"],
    report: place.report,
    isStrict: true,
  }).enabled;
}
