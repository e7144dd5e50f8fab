import { decodeBase64 } from "../base/bytes.ts";
import { formatDuration } from "../base/duration.ts";
import { printable } from "../client/printable.ts";
import { StateDirectory } from "../gateway/state_directory.ts";
import { deriveKeys } from "../identity/keys.ts";
import { RecordingError } from "../ssh/recording/recording_error.ts";
import { recordingsIn, type RecordingSummary, summarizeRecording } from "../ssh/recording/summary.ts";
import { type Verification, verifyRecording } from "../ssh/recording/verify_recording.ts";
import { actionOf } from "./action.ts";
import { asciiJson } from "./ascii_json.ts";
import { type CliIo, type Command, EXIT } from "./command.ts";
import { CONFIG_OPTION, findConfig, STATE_OPTION, stateDirectoryOf } from "./gateway_files.ts";
import type { ParsedArgs } from "./options.ts";
import { playRecording } from "./play_recording.ts";
import { formatTable } from "./table.ts";
import { UsageError } from "./usage_error.ts";

/** The longest `--idle-limit` is a day. */
const MAX_SECONDS = 86_400;
const MAX_SPEED = 1000;

interface Call {
  readonly args: ParsedArgs;
  readonly io: CliIo;
  /** Where recordings are. */
  readonly directory: string;
  /** `undefined`: there is no configuration. */
  readonly sharedSecret: Uint8Array<ArrayBuffer> | null | undefined;
}

const ACTIONS: Readonly<Record<string, (call: Call) => Promise<number>>> = { list, play, verify };

/** `sallyport recordings` */
export const recordingsCommand: Command = {
  name: "recordings",
  summary: "List, play and verify recordings of SSH sessions",
  description:
    "Works on the files of the gateway, also while it runs. `verify` without RECORDING verifies all of them. It needs the " +
    "shared secret of the gateway that made them, and exits with 1 unless every one is intact.",
  examples: [
    "sallyport recordings list --directory /var/lib/sallyport/recordings",
    "sallyport recordings play 20260102T030405Z-1FRHIkkvLOWt9Vob.cast --speed 2 --idle-limit 1",
    "sallyport recordings verify",
  ],
  options: [
    CONFIG_OPTION,
    STATE_OPTION,
    {
      name: "directory",
      value: "FOLDER",
      description: "Where recordings are (default: what the configuration says)",
    },
    { name: "json", description: "Print JSON" },
    { name: "speed", value: "FACTOR", description: "How fast to play", default: "1" },
    { name: "idle-limit", value: "SECONDS", description: "The longest pause when playing", default: "3" },
  ],
  positionals: [
    { name: "ACTION", description: "What to do", choices: Object.keys(ACTIONS) },
    { name: "RECORDING", description: "A file, or a part of the name of one that is listed", optional: true },
  ],
  async run(args, io) {
    const action = actionOf(args, ACTIONS);
    const config = await findConfig(args, io);
    if (config === null) return EXIT.failure;
    const directory = args.find("directory") ?? config?.sessionRecordings.directory ??
      `${stateDirectoryOf(args)}/recordings`;
    return await action({ args, io, directory, sharedSecret: config?.sharedSecret });
  },
};

async function list({ args, io, directory }: Call): Promise<number> {
  const found: { file: string; summary: RecordingSummary | RecordingError }[] = [];
  for (const file of await recordingsIn(directory)) {
    found.push({ file, summary: await orError(summarizeRecording(`${directory}/${file}`)) });
  }
  if (args.has("json")) {
    const data = found.map(({ file, summary }) => {
      if (summary instanceof RecordingError) return { file, error: summary.code };
      const { header, ...rest } = summary;
      return { file, ...header, ...rest };
    });
    io.stdout(asciiJson(data));
  } else if (found.length === 0) {
    io.stdout(`there are no recordings in ${directory}\n`);
  } else {
    const head = ["STARTED", "DURATION", "WHO", "ROUTE", "WHAT", "BYTES", "SEALED", "FILE"];
    io.stdout(formatTable([head, ...found.map(({ file, summary }) => rowOf(file, summary))]));
  }
  return EXIT.ok;
}

function rowOf(file: string, summary: RecordingSummary | RecordingError): string[] {
  if (summary instanceof RecordingError) return ["-", "-", "-", "-", summary.code, "-", "-", printable(file)];
  const {
    header: { started, user, email, login, route_name: route, kind, command },
    bytes,
    durationMs,
    isSealed,
  } = summary;
  return [
    started.slice(0, 19) + "Z",
    formatDuration(Math.round(durationMs / 1000) * 1000),
    printable(email || user, 40),
    printable(`${login}@${route}`, 40),
    printable(command === "" ? kind : command, 40),
    String(bytes),
    isSealed ? "yes" : "no",
    printable(file),
  ];
}

async function play(call: Call): Promise<number> {
  const { args, io } = call;
  const speed = numberOf(args, { name: "speed", max: MAX_SPEED });
  const idleLimitMs = numberOf(args, { name: "idle-limit", max: MAX_SECONDS }) * 1000;
  const word = args.find("RECORDING");
  if (word === undefined) {
    throw new UsageError(
      "cli/missing-argument",
      "RECORDING is missing",
      "`sallyport recordings list` shows them",
    );
  }
  const [file] = await filesOf(word, call);
  using interruption = io.interruption();
  const write = (text: string) => io.stdout(text);
  await playRecording(file!, { write, speed, idleLimitMs, signal: interruption.signal });
  return EXIT.ok;
}

async function verify(call: Call): Promise<number> {
  const { args, io } = call;
  const key = await sealKey(call);
  const verified: { file: string; outcome: Verification | RecordingError }[] = [];
  for (const file of await filesOf(args.find("RECORDING"), call)) {
    verified.push({ file, outcome: await orError(verifyRecording(file, key)) });
  }
  if (args.has("json")) {
    io.stdout(
      asciiJson(
        verified.map(({ file, outcome }) =>
          outcome instanceof RecordingError ? { file, error: outcome.code } : { file, ...outcome }
        ),
      ),
    );
  } else {
    for (const { file, outcome } of verified) {
      io.stdout(`${printable(file, 4096)}: ${outcomeText(outcome)}\n`);
    }
  }
  const isIntact = verified.every(({ outcome }) => !(outcome instanceof Error) && outcome.state === "intact");
  return isIntact ? EXIT.ok : EXIT.failure;
}

function outcomeText(outcome: Verification | RecordingError): string {
  if (outcome instanceof RecordingError) return outcome.message;
  const { state, lines, verifiedLines, brokenLine, reason } = outcome;
  switch (state) {
    case "intact":
      return `intact, ${lines} lines`;
    case "unfinished":
      return `unfinished, intact up to line ${verifiedLines}: ${reason}`;
    case "broken":
      return `BROKEN at line ${brokenLine}: ${reason}; intact up to line ${verifiedLines}`;
    case "other-key":
      return `not verified: ${printable(reason ?? "")}`;
  }
}

/** One file that is named, or all. */
async function filesOf(word: string | undefined, { directory }: Call): Promise<readonly string[]> {
  if (word?.includes("/")) return [word];
  const names = await recordingsIn(directory);
  if (word === undefined) return names.map((name) => `${directory}/${name}`);
  const found = names.filter((name) => name.includes(word));
  if (found.length === 1) return [`${directory}/${found[0]}`];
  throw new UsageError(
    "cli/invalid-value",
    `${found.length === 0 ? "No recording" : "More than one recording"} in ${directory} has ${
      printable(word)
    } in its name`,
    "`sallyport recordings list` shows them",
  );
}

/** @throws {RecordingError} `recording/unreadable` */
async function sealKey({ args, sharedSecret }: Call): Promise<CryptoKey> {
  const state = new StateDirectory(stateDirectoryOf(args));
  const secret = sharedSecret ?? decodeBase64((await state.read("shared-secret"))?.trim() ?? "");
  if (secret === null || secret.length === 0) {
    const hint = "name the configuration with --config, or the state directory with --state-dir";
    throw new RecordingError("recording/unreadable", "There is no shared secret to verify with", { hint });
  }
  return (await deriveKeys(secret)).recordings;
}

function numberOf(args: ParsedArgs, { name, max }: { name: string; max: number }): number {
  const text = args.get(name);
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (number > 0 && number <= max) return number;
  throw new UsageError(
    "cli/invalid-value",
    `--${name} must be more than 0 and at most ${max}: found ${text}`,
  );
}

async function orError<T>(work: Promise<T>): Promise<T | RecordingError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RecordingError) return error;
    throw error;
  }
}
