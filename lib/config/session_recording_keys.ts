import { type KeyTable, optional, served } from "./key_table.ts";
import { bad, good, type ValueType } from "./value_type.ts";
import { flag, oneOf, text } from "./value_types.ts";

const MIN_BYTES = 64 * 1024;
const MAX_BYTES = 2 ** 40;

/** Bytes of a file. */
const fileBytes: ValueType<number> = {
  label: "number",
  unit: "bytes",
  schema: { type: "integer", minimum: MIN_BYTES, maximum: MAX_BYTES },
  parse(value) {
    // The environment has texts only.
    const size = typeof value === "string" && /^\d{1,13}$/.test(value) ? Number(value) : value;
    if (Number.isInteger(size) && Number(size) >= MIN_BYTES && Number(size) <= MAX_BYTES) {
      return good(Number(size));
    }
    return bad({
      code: "config/bad-value",
      message: `must be a whole number from ${MIN_BYTES} to ${MAX_BYTES}`,
    });
  },
};

/** What `session_recordings` knows. */
export const sessionRecordingsKeys = {
  directory: optional({
    type: text,
    description:
      "Where recordings are kept. Without it: `recordings` in the state directory. A name without a leading slash starts in the folder of the configuration.",
  }),
  on_failure: served({
    type: oneOf<"end" | "continue">({ end: "end", continue: "continue" }),
    absent: "end",
    description:
      "What becomes of a session whose recording cannot be written: it ends, and none begins; or it goes on unrecorded.",
  }),
  max_bytes: served({
    type: fileBytes,
    absent: 1024 ** 3,
    description: "A longer recording cannot be written, see `on_failure`.",
  }),
} satisfies KeyTable;

/** What `session_recording` of a route knows. */
export const sessionRecordingKeys = {
  enabled: served({ type: flag, absent: false, description: "Whether sessions are recorded." }),
} satisfies KeyTable;
