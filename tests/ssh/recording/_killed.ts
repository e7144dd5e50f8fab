import { systemClock } from "../../../lib/base/clock.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { deriveKeys } from "../../../lib/identity/keys.ts";
import { jsonAuditTrail } from "../../../lib/observe/audit.ts";
import { silentLog } from "../../../lib/observe/log.ts";
import { DirectoryRecorder } from "../../../lib/ssh/recording/directory_recorder.ts";
import { SHELL } from "./_recorder.ts";

// Records into the folder that is its argument until it is killed.
const { recordings: key } = await deriveKeys(new Uint8Array(32));
const recorder = new DirectoryRecorder({
  settings: () => ({ directory: null, onFailure: "end", maxBytes: 1e9 }),
  defaultDirectory: Deno.args[0]!,
  key: () => key,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  audit: jsonAuditTrail({ sink: () => {}, now: Date.now }),
});
const recording = await recorder.begin(SHELL);
setInterval(() => {
  for (let count = 0; count < 200; count++) recording.output(new TextEncoder().encode("x".repeat(1000)));
}, 1);
