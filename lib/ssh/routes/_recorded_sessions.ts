import { errorMessage } from "../../base/errors.ts";
import type { SshReader } from "../../codec/ssh_wire.ts";
import type { PtyRequest, Recording, RecordingMeta, SessionRecorder } from "../handlers.ts";
import { afterNumber, channelMessage, exitStatus, MESSAGE, standardError } from "./_messages.ts";
import type { PayloadPort } from "./_payload_port.ts";
import { readPty, readSize } from "./_pty_request.ts";
import type { RelayWatcher, Verdict } from "./_relay.ts";

/** What ends a session that cannot be recorded. */
const EXIT_CODE = 255;
/** So many channels may be open on a connection. */
const MAX_CHANNELS = 1024;

type Exit = Parameters<Recording["end"]>[0];

/** A channel between the two ends. */
interface Channel {
  /** Whether something is done in it that is recorded. */
  readonly isSession: boolean;
  /** Its number at the client; `null` until that has taken it. */
  clientChannel: number | null;
  /** Its number at the server; `null` until that has taken it. */
  serverChannel: number | null;
  pty: PtyRequest | null;
  recording: Recording | null;
  exit: Exit;
  /** Which ends have closed it. */
  readonly closed: { client: boolean; server: boolean };
  /** Ended here: nothing of it passes any more. */
  isCut: boolean;
}

/** What sessions are recorded with. */
export interface RecordedSessionsOptions {
  readonly recorder: SessionRecorder;
  /** All but what the session itself says. */
  readonly meta: Omit<RecordingMeta, "kind" | "pty">;
  readonly client: PayloadPort;
  readonly server: PayloadPort;
}

/** Records every session between two ends. One that cannot be recorded does not begin, or is ended with a sentence. */
export class RecordedSessions implements RelayWatcher {
  readonly #options: RecordedSessionsOptions;
  /** By their numbers at the client, and at the server. */
  readonly #byClient = new Map<number, Channel>();
  readonly #byServer = new Map<number, Channel>();

  /** No session yet. */
  constructor(options: RecordedSessionsOptions) {
    this.#options = options;
  }

  /**
   * See {@link RelayWatcher.fromClient}: waits before a shell or a command until it is recorded.
   *
   * @throws {Error} for what would not be recorded: about a channel that the server has not taken yet, or a number twice
   */
  fromClient(payload: Uint8Array): Verdict {
    const reader = afterNumber(payload);
    if (payload[0] === MESSAGE.channelOpen) return this.#openByClient(reader);
    if (!isOfChannel(payload)) return true;
    const channel = this.#byServer.get(reader.uint32());
    if (channel === undefined) throw new Error("A message is about a channel that is not there");
    switch (payload[0]) {
      case MESSAGE.channelOpenConfirmation:
        channel.clientChannel = reader.uint32();
        this.#keep(this.#byClient, channel.clientChannel, channel);
        return true;
      case MESSAGE.channelOpenFailure:
        this.#forget(channel);
        return true;
      case MESSAGE.channelClose:
        this.#close(channel, "client");
        break;
      case MESSAGE.channelData:
        channel.recording?.input(new Uint8Array(reader.bytes()));
        break;
    }
    if (channel.isCut) return false;
    return payload[0] === MESSAGE.channelRequest && channel.isSession ? this.#request(channel, reader) : true;
  }

  /** See {@link RelayWatcher.fromServer}. */
  fromServer(payload: Uint8Array): boolean {
    const reader = afterNumber(payload);
    if (payload[0] === MESSAGE.channelOpen) {
      reader.bytes();
      const number = reader.uint32();
      this.#keep(this.#byServer, number, { ...newChannel(false), serverChannel: number });
      return true;
    }
    const channel = isOfChannel(payload) ? this.#byClient.get(reader.uint32()) : undefined;
    if (channel === undefined) return true;
    switch (payload[0]) {
      case MESSAGE.channelOpenConfirmation:
        channel.serverChannel = reader.uint32();
        this.#keep(this.#byServer, channel.serverChannel, channel);
        break;
      case MESSAGE.channelOpenFailure:
        this.#forget(channel);
        break;
      case MESSAGE.channelData:
        channel.recording?.output(new Uint8Array(reader.bytes()));
        break;
      case MESSAGE.channelExtendedData:
        if (reader.uint32() === 1) channel.recording?.output(new Uint8Array(reader.bytes()), 2);
        break;
      case MESSAGE.channelRequest:
        channel.exit = exitOf(reader) ?? channel.exit;
        break;
      case MESSAGE.channelClose:
        this.#close(channel, "server");
        break;
    }
    return !channel.isCut;
  }

  /** Ends what is still being recorded. */
  async end(): Promise<void> {
    await Promise.all([...this.#byClient.values()].map(({ recording, exit }) => recording?.end(exit)));
    this.#byClient.clear();
    this.#byServer.clear();
  }

  #openByClient(reader: SshReader): true {
    const isSession = reader.text() === "session";
    const number = reader.uint32();
    this.#keep(this.#byClient, number, { ...newChannel(isSession), clientChannel: number });
    return true;
  }

  #keep(channels: Map<number, Channel>, number: number, channel: Channel): void {
    if (channels.has(number)) throw new Error("A channel has the number of another");
    if (channels.size === MAX_CHANNELS) throw new Error("Too many channels are open");
    channels.set(number, channel);
  }

  #forget({ clientChannel, serverChannel }: Channel): void {
    if (clientChannel !== null) this.#byClient.delete(clientChannel);
    if (serverChannel !== null) this.#byServer.delete(serverChannel);
  }

  #close(channel: Channel, end: "client" | "server"): void {
    channel.closed[end] = true;
    if (!channel.closed.client || !channel.closed.server) return;
    this.#forget(channel);
    void channel.recording?.end(channel.exit);
  }

  #request(session: Channel, reader: SshReader): Verdict {
    const name = reader.text();
    reader.byte();
    switch (name) {
      case "pty-req":
        session.pty = readPty(reader);
        return true;
      case "window-change": {
        const size = readSize(reader);
        if (session.pty !== null) session.pty = { ...session.pty, ...size };
        session.recording?.resize(size);
        return true;
      }
      case "shell":
        return this.#begin(session, { type: "shell", name: "" });
      case "exec":
      case "subsystem":
        return this.#begin(session, { type: name, name: new TextDecoder().decode(reader.bytes()) });
      default:
        return true;
    }
  }

  async #begin(session: Channel, kind: RecordingMeta["kind"]): Promise<boolean> {
    const { recorder, meta, client } = this.#options;
    // A session has one program (RFC 4254 section 6.5). After one that the server refuses it would take another, of which the
    // recording knows nothing.
    if (session.recording !== null) {
      client.send(channelMessage(MESSAGE.channelFailure, { channel: session.clientChannel! }));
      return false;
    }
    try {
      const recording = await recorder.begin({ ...meta, kind, pty: session.pty });
      session.recording = recording;
      const onFailed = () => this.#cut(session, errorMessage(recording.failed.reason));
      if (recording.failed.aborted) onFailed();
      else recording.failed.addEventListener("abort", onFailed, { once: true });
      return !session.isCut;
    } catch (error) {
      this.#cut(session, errorMessage(error), { isUnanswered: true });
      return false;
    }
  }

  /** Ends a session at both ends, and tells the person why. */
  #cut(session: Channel, why: string, { isUnanswered = false } = {}): void {
    const { clientChannel: channel, serverChannel } = session;
    if (session.isCut || channel === null || serverChannel === null) return;
    session.isCut = true;
    const { client, server } = this.#options;
    if (isUnanswered) client.send(channelMessage(MESSAGE.channelSuccess, { channel }));
    if (!session.closed.server) {
      client.send(standardError(channel, `This session must be recorded, and cannot be: ${why}\r\n`));
      client.send(exitStatus(channel, EXIT_CODE));
      client.send(channelMessage(MESSAGE.channelClose, { channel }));
    }
    if (!session.closed.client) server.send(channelMessage(MESSAGE.channelClose, { channel: serverChannel }));
    session.exit = null;
  }
}

function newChannel(isSession: boolean): Channel {
  return {
    isSession,
    clientChannel: null,
    serverChannel: null,
    pty: null,
    recording: null,
    exit: null,
    closed: { client: false, server: false },
    isCut: false,
  };
}

/** Whether a message begins with the number of a channel. */
function isOfChannel(payload: Uint8Array): boolean {
  return payload[0]! > MESSAGE.channelOpen && payload[0]! <= MESSAGE.channelFailure;
}

/** How a program ended, if that is what a request of the server says (RFC 4254 section 6.10). */
function exitOf(reader: SshReader): Exit {
  const name = reader.text();
  reader.byte();
  if (name === "exit-status") return { code: reader.uint32() };
  return name === "exit-signal" ? { signal: reader.text() } : null;
}
