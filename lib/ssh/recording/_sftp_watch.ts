import { CodecError } from "../../codec/codec_error.ts";
import { readAnswer, readRequest, type SftpAction, type SftpFields } from "./_sftp_messages.ts";
import { SftpPackets } from "./_sftp_packets.ts";

/** Requests without answer, and handles, that are kept at once. Beyond, the oldest are recorded as they are. */
const MAX_OPEN = 4096;

interface OpenFile {
  readonly path: unknown;
  bytesRead: number;
  bytesWritten: number;
}

/** Looks on at an SFTP session (version 3), and tells what is done in it: never more than a few fields for each packet. */
export class SftpWatch {
  readonly #onEvent: (fields: SftpFields) => void;
  readonly #pending = new Map<number, SftpAction>();
  readonly #files = new Map<string, OpenFile>();
  readonly #requests = new SftpPackets((head) => this.#attempt(() => this.#request(head), "client"));
  readonly #answers = new SftpPackets((head) => this.#attempt(() => this.#answer(head), "server"));
  readonly #unreadable = new Set<"client" | "server">();

  /** Nothing was seen yet. @param onEvent given what is to be recorded */
  constructor(onEvent: (fields: SftpFields) => void) {
    this.#onEvent = onEvent;
  }

  /** What the client sent. */
  input(bytes: Uint8Array): void {
    this.#requests.push(bytes);
    if (this.#requests.isBroken) this.#tellUnreadable("client");
  }

  /** What the server sent. */
  output(bytes: Uint8Array): void {
    this.#answers.push(bytes);
    if (this.#answers.isBroken) this.#tellUnreadable("server");
  }

  /** Tells of what was still open. */
  end(): void {
    for (const action of this.#pending.values()) this.#tell(action, "unknown");
    for (const handle of [...this.#files.keys()]) this.#close(handle, "unknown");
    this.#pending.clear();
  }

  #request(head: Uint8Array): void {
    const request = readRequest(head);
    if (request === null) return;
    const { id, action } = request;
    const [oldest] = this.#pending;
    const before = this.#pending.get(id);
    // A client that gives two requests one id is not to hide one of them.
    if (before !== undefined) this.#tell(before, "unknown");
    else if (oldest !== undefined && this.#pending.size >= MAX_OPEN) {
      this.#pending.delete(oldest[0]);
      this.#tell(oldest[1], "unknown");
    }
    this.#pending.set(id, action);
  }

  #answer(head: Uint8Array): void {
    const answer = readAnswer(head);
    const action = answer === null ? undefined : this.#pending.get(answer.id);
    if (answer === null || action === undefined) return;
    this.#pending.delete(answer.id);
    if (action.type === "open" && answer.type === "handle") {
      this.#tell(action, "ok");
      if (action.isFile) this.#keep(answer.handle, action.fields.path);
    } else if (action.type === "read" && answer.type === "data") {
      const file = this.#files.get(action.handle);
      if (file !== undefined) file.bytesRead += answer.bytes;
    } else {
      this.#tell(action, answer.type === "status" ? answer.status : "ok");
    }
  }

  #tell(action: SftpAction, status: string): void {
    switch (action.type) {
      case "event":
      case "open":
        return this.#onEvent({ ...action.fields, status });
      case "of-handle":
        return this.#onEvent({
          ...action.fields,
          path: this.#files.get(action.handle)?.path ?? null,
          status,
        });
      case "close":
        return this.#close(action.handle, status);
      case "write": {
        const file = this.#files.get(action.handle);
        if (file !== undefined && status === "ok") file.bytesWritten += action.bytes;
      }
    }
  }

  #keep(handle: string, path: unknown): void {
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size >= MAX_OPEN) this.#close(oldest, "unknown");
    this.#files.set(handle, { path, bytesRead: 0, bytesWritten: 0 });
  }

  #close(handle: string, status: string): void {
    const file = this.#files.get(handle);
    if (file === undefined) return;
    this.#files.delete(handle);
    const { path, bytesRead, bytesWritten } = file;
    this.#onEvent({ event: "close", path, bytes_read: bytesRead, bytes_written: bytesWritten, status });
  }

  #attempt(read: () => void, from: "client" | "server"): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      this.#tellUnreadable(from);
    }
  }

  #tellUnreadable(from: "client" | "server"): void {
    if (this.#unreadable.has(from)) return;
    this.#unreadable.add(from);
    this.#onEvent({ event: "unreadable", from });
  }
}
