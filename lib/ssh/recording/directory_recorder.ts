import type { Clock } from "../../base/clock.ts";
import { errorMessage } from "../../base/errors.ts";
import { type Random, randomId } from "../../base/random.ts";
import type { SessionRecordingSettings } from "../../config/config.ts";
import type { AuditRecording, AuditTrail } from "../../observe/audit.ts";
import type { Log } from "../../observe/log.ts";
import type { Recording, RecordingMeta, SessionRecorder } from "../handlers.ts";
import { CommandEvents } from "./_command_events.ts";
import { FileRecording } from "./_file_recording.ts";
import { FILE_ENDINGS, type LineFormat, sealLine } from "./line_format.ts";
import { headerLine, headerOf } from "./recording_header.ts";
import { RecordingError } from "./recording_error.ts";
import { sealKeyId } from "./seal.ts";
import { type RecordingFile, SealedFile } from "./sealed_file.ts";
import { TerminalEvents } from "./_terminal_events.ts";

/** What a {@link DirectoryRecorder} works with. */
export interface DirectoryRecorderOptions {
  /** As they are now. */
  readonly settings: () => SessionRecordingSettings;
  /** Where recordings are kept that the settings name no place for. */
  readonly defaultDirectory: string;
  /** Seals: HMAC-SHA-256. As it is now. */
  readonly key: () => CryptoKey;
  /** Time. */
  readonly clock: Clock;
  /** For the names of files. */
  readonly random: Random;
  /** Hears what goes wrong. */
  readonly log: Log;
  /** Hears of every recording. */
  readonly audit: AuditTrail;
  /** Makes a file that is not there; default: one that only its owner can read. */
  readonly create?: (path: string) => Promise<RecordingFile>;
}

/** Keeps recordings as files of one directory, which it makes (mode 0700) when it is not there. */
export class DirectoryRecorder implements SessionRecorder {
  readonly #options: DirectoryRecorderOptions;

  /** Makes nothing yet. */
  constructor(options: DirectoryRecorderOptions) {
    this.#options = options;
  }

  /**
   * Begins a recording: its header is in the file, and sealed, when this resolves.
   *
   * @returns the caller ends it
   * @throws {RecordingError} `recording/unwritable` when sessions end by {@link SessionRecordingSettings.onFailure}
   */
  async begin(meta: RecordingMeta): Promise<Recording> {
    const { settings, log, audit } = this.#options;
    const { onFailure } = settings();
    const subject = subjectOf(meta);
    try {
      return await this.#begin(meta);
    } catch (cause) {
      const error = `nothing can be written: ${errorMessage(cause)}`;
      log.error("session cannot be recorded", {
        "request-id": subject.requestId,
        error,
        "on-failure": onFailure,
      });
      audit.recording({ ...subject, event: "recording-failed", file: null, error });
      if (onFailure === "continue") return noRecording();
      throw new RecordingError("recording/unwritable", "its recording cannot be written", { cause });
    }
  }

  async #begin(meta: RecordingMeta): Promise<Recording> {
    const { settings, defaultDirectory, clock, random, create = createPrivate, audit } = this.#options;
    const { directory, maxBytes, onFailure } = settings();
    const key = this.#options.key();
    const format: LineFormat = meta.pty !== null && meta.kind.type !== "subsystem" ? "cast" : "events";
    const id = randomId(random, 12);
    const startedAt = clock.now();
    const name = `${fileTime(startedAt)}-${id}${FILE_ENDINGS[format]}`;
    const folder = directory ?? defaultDirectory;
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const path = `${folder}/${name}`;
    const file = await create(path);
    const begin = clock.monotonic();
    const timeMs = () => clock.monotonic() - begin;
    const sealed = new SealedFile({
      file,
      key,
      maxBytes,
      sealLine: (text) => sealLine(timeMs(), { format, text }),
      onFailure: (why) => recording.fail(why),
      clock,
    });
    const events = format === "cast" ? new TerminalEvents() : new CommandEvents(meta.kind);
    const recording = new FileRecording({ sealed, events, timeMs, endsSession: onFailure === "end" });
    const header = headerOf(meta, { id, startedAt, sealKey: await sealKeyId(key) });
    sealed.add(headerLine(header, { format, pty: meta.pty }));
    await sealed.flush();
    if (recording.failure !== null) {
      await recording.end(null);
      await Deno.remove(path).catch(() => {});
      throw new Error(recording.failure);
    }
    audit.recording({ ...subjectOf(meta), event: "recording-started", file: name });
    recording.onEnd = (why) => this.#note(why, { meta, name, sealed, onFailure });
    return recording;
  }

  #note(
    why: string | null,
    { meta, name, sealed, onFailure }: {
      meta: RecordingMeta;
      name: string;
      sealed: SealedFile;
      onFailure: SessionRecordingSettings["onFailure"];
    },
  ): void {
    const { log, audit } = this.#options;
    const subject = subjectOf(meta);
    const { seal } = sealed;
    if (why === null) return audit.recording({ ...subject, event: "recording-ended", file: name, seal });
    const fields = { "request-id": subject.requestId, file: name, error: why, "on-failure": onFailure };
    log.error("session is recorded no more", fields);
    audit.recording({ ...subject, event: "recording-failed", file: name, seal, error: why });
  }
}

/** A recording that is not kept: the session goes on without. */
function noRecording(): Recording {
  return {
    input() {},
    output() {},
    resize() {},
    failed: new AbortController().signal,
    end: () => Promise.resolve(),
  };
}

function createPrivate(path: string): Promise<RecordingFile> {
  return Deno.open(path, { write: true, createNew: true, mode: 0o600 });
}

/** Such as `20260102T030405Z`: names of files sort by time. */
function fileTime(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}

function subjectOf({ login, routeId, routeName }: RecordingMeta): Omit<AuditRecording, "event" | "file"> {
  const { sessionId, userId, email } = login.caller.session;
  return { requestId: login.connectionId, ip: login.ip, routeId, routeName, sessionId, userId, email };
}
