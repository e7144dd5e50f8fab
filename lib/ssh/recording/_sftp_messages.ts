import { SshReader } from "../../codec/ssh_wire.ts";

/** What a request does, as it is recorded; `null`: it only looks. */
export interface SftpRequest {
  /** Of the request; the answer has the same. */
  readonly id: number;
  /** What it is about. */
  readonly action: SftpAction;
}

/** What is recorded of a request. */
export type SftpAction =
  /** Recorded as it is, with how it went. */
  | { readonly type: "event"; readonly fields: SftpFields }
  /** The same; the answer is a handle of a file, or of a directory. */
  | { readonly type: "open"; readonly fields: SftpFields; readonly isFile: boolean }
  /** The same, of the file of a handle. */
  | { readonly type: "of-handle"; readonly fields: SftpFields; readonly handle: string }
  | { readonly type: "read"; readonly handle: string }
  | { readonly type: "write"; readonly handle: string; readonly bytes: number }
  | { readonly type: "close"; readonly handle: string };

/** Fields of a recorded event. */
export type SftpFields = { readonly event: string } & Readonly<Record<string, unknown>>;

/** An answer to a request. */
export type SftpAnswer =
  & { readonly id: number }
  & (
    | { readonly type: "status"; readonly status: string }
    | { readonly type: "handle"; readonly handle: string }
    | { readonly type: "data"; readonly bytes: number }
    | { readonly type: "other" }
  );

/** Names of the codes of SSH_FXP_STATUS (draft-ietf-secsh-filexfer-02 section 7). */
const STATUSES = [
  "ok",
  "eof",
  "no-such-file",
  "permission-denied",
  "failure",
  "bad-message",
  "no-connection",
  "connection-lost",
  "unsupported",
];

/** Bits of `pflags` (section 6.3). */
const OPEN_FLAGS = ["read", "write", "append", "create", "truncate", "exclusive"];

/** Requests that only look at something: INIT, READDIR, LSTAT, FSTAT, REALPATH, STAT, READLINK. */
const LOOKING: ReadonlySet<number> = new Set([1, 12, 7, 8, 16, 17, 19]);

/** Extensions of OpenSSH that only look, or ask that bytes be kept. */
const LOOKING_EXTENSIONS: ReadonlySet<string> = new Set([
  "statvfs@openssh.com",
  "fstatvfs@openssh.com",
  "fsync@openssh.com",
  "limits@openssh.com",
  "expand-path@openssh.com",
  "users-groups-by-id@openssh.com",
  "home-directory",
  "vendor-id",
]);

/**
 * What a packet of the client asks for.
 *
 * @param head of a packet, from its type on
 * @returns `null` when it only looks
 * @throws {CodecError} `codec/truncated`
 */
export function readRequest(head: Uint8Array): SftpRequest | null {
  const reader = new SshReader(head);
  const type = reader.byte();
  if (LOOKING.has(type)) return null;
  const id = reader.uint32();
  const action = actionOf(type, reader);
  return action === null ? null : { id, action };
}

/** What a packet of the server answers; `null` for its first one, which answers nothing. @throws {CodecError} */
export function readAnswer(head: Uint8Array): SftpAnswer | null {
  const reader = new SshReader(head);
  const type = reader.byte();
  if (type === 2) return null;
  const id = reader.uint32();
  switch (type) {
    case 101: {
      const code = reader.uint32();
      return { id, type: "status", status: STATUSES[code] ?? String(code) };
    }
    case 102:
      return { id, type: "handle", handle: handleIn(reader) };
    case 103:
      return { id, type: "data", bytes: reader.uint32() };
    default:
      return { id, type: "other" };
  }
}

function actionOf(type: number, reader: SshReader): SftpAction | null {
  const event = (event: string, fields: Readonly<Record<string, unknown>> = {}): SftpAction => ({
    type: "event",
    fields: { event, ...fields },
  });
  switch (type) {
    case 3: {
      const path = textIn(reader);
      return { type: "open", isFile: true, fields: { event: "open", path, flags: flagsIn(reader) } };
    }
    case 4:
      return { type: "close", handle: handleIn(reader) };
    case 5:
      return { type: "read", handle: handleIn(reader) };
    case 6: {
      const handle = handleIn(reader);
      reader.uint64();
      return { type: "write", handle, bytes: reader.uint32() };
    }
    case 9:
      return event("setstat", { path: textIn(reader), ...attributesIn(reader) });
    case 10: {
      const handle = handleIn(reader);
      return { type: "of-handle", handle, fields: { event: "setstat", ...attributesIn(reader) } };
    }
    case 11:
      return { type: "open", isFile: false, fields: { event: "list", path: textIn(reader) } };
    case 13:
      return event("remove", { path: textIn(reader) });
    case 14:
      return event("mkdir", { path: textIn(reader) });
    case 15:
      return event("rmdir", { path: textIn(reader) });
    case 18:
      return event("rename", { path: textIn(reader), target: textIn(reader) });
    // OpenSSH has the two in the other order than section 6.10, and everybody follows it.
    case 20:
      return event("symlink", { target: textIn(reader), path: textIn(reader) });
    case 200:
      return extensionOf(textIn(reader), reader);
    default:
      return event("request", { type });
  }
}

function extensionOf(name: string, reader: SshReader): SftpAction | null {
  if (LOOKING_EXTENSIONS.has(name)) return null;
  const fields = () => {
    switch (name) {
      case "posix-rename@openssh.com":
        return { event: "rename", path: textIn(reader), target: textIn(reader) };
      case "hardlink@openssh.com":
        return { event: "hardlink", target: textIn(reader), path: textIn(reader) };
      case "lsetstat@openssh.com":
        return { event: "setstat", path: textIn(reader), ...attributesIn(reader) };
      default:
        return { event: "extension", name };
    }
  };
  return { type: "event", fields: fields() };
}

function flagsIn(reader: SshReader): readonly string[] {
  const bits = reader.uint32();
  return OPEN_FLAGS.filter((_, index) => (bits >>> index & 1) === 1);
}

/** ATTRS (section 5): what is about to be changed. */
function attributesIn(reader: SshReader): Readonly<Record<string, unknown>> {
  const flags = reader.uint32();
  return {
    ...(flags & 1 ? { size: Number(reader.uint64()) } : {}),
    ...(flags & 2 ? { uid: reader.uint32(), gid: reader.uint32() } : {}),
    ...(flags & 4 ? { mode: (reader.uint32() & 0o7777).toString(8).padStart(4, "0") } : {}),
    ...(flags & 8 ? { accessed: reader.uint32(), modified: reader.uint32() } : {}),
  };
}

/** Names of files need not be UTF-8. */
function textIn(reader: SshReader): string {
  return new TextDecoder().decode(reader.bytes());
}

/** Any bytes, as a key. */
function handleIn(reader: SshReader): string {
  return String.fromCharCode(...reader.bytes().subarray(0, 256));
}
