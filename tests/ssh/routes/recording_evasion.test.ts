import { describe, expect, it } from "vitest";
import { concatBytes } from "../../../lib/base/bytes.ts";
import { sshString, sshUint32 } from "../../../lib/codec/ssh_wire.ts";
import type { RecordingMeta } from "../../../lib/ssh/handlers.ts";
import type { PayloadPort } from "../../../lib/ssh/routes/_payload_port.ts";
import { RecordedSessions } from "../../../lib/ssh/routes/_recorded_sessions.ts";
import { SHELL } from "../recording/_recorder.ts";

const OPEN = 90;
const CONFIRMATION = 91;
const DATA = 94;
const REQUEST = 98;
const FAILURE = 100;

const message = (number: number, ...parts: Uint8Array[]) => concatBytes([Uint8Array.of(number), ...parts]);
const open = (channel: number) =>
  message(OPEN, sshString("session"), sshUint32(channel), sshUint32(1 << 20), sshUint32(1 << 15));
const confirm = (channel: number, serverChannel: number) =>
  message(CONFIRMATION, sshUint32(channel), sshUint32(serverChannel), sshUint32(1 << 20), sshUint32(1 << 15));
const request = (channel: number, name: string, ...parts: Uint8Array[]) =>
  message(REQUEST, sshUint32(channel), sshString(name), Uint8Array.of(1), ...parts);

/** A connection whose sessions are recorded, and what is recorded of each. */
function connection() {
  const recorded: { kind: RecordingMeta["kind"]; shown: string }[] = [];
  const toClient: Uint8Array[] = [];
  const port = (sent: Uint8Array[]) =>
    ({ send: (payload: Uint8Array) => void sent.push(payload) }) as PayloadPort;
  const sessions = new RecordedSessions({
    recorder: {
      begin({ kind }) {
        const entry = { kind, shown: "" };
        recorded.push(entry);
        return Promise.resolve({
          input() {},
          output: (bytes) => void (entry.shown += new TextDecoder().decode(bytes)),
          resize() {},
          failed: new AbortController().signal,
          end: () => Promise.resolve(),
        });
      },
    },
    meta: SHELL,
    client: port(toClient),
    server: port([]),
  });
  return { sessions, recorded, toClient };
}

describe("a client of a route that is recorded", () => {
  it("cannot have its shell taken for a subsystem that the server refused", async () => {
    const { sessions, recorded, toClient } = connection();
    expect(await sessions.fromClient(open(0))).toBe(true);
    expect(sessions.fromServer(confirm(0, 7))).toBe(true);
    expect(await sessions.fromClient(request(7, "subsystem", sshString("nothing")))).toBe(true);
    expect(sessions.fromServer(message(FAILURE, sshUint32(0)))).toBe(true);
    expect(await sessions.fromClient(request(7, "shell"))).toBe(false);
    expect(await sessions.fromClient(request(7, "exec", sshString("bash")))).toBe(false);
    expect(toClient).toEqual([message(FAILURE, sshUint32(0)), message(FAILURE, sshUint32(0))]);
    expect(recorded.map(({ kind }) => kind.name)).toEqual(["nothing"]);
  });

  it("cannot hide what a shell shows behind another session of the same number", async () => {
    const { sessions, recorded } = connection();
    await sessions.fromClient(open(0));
    sessions.fromServer(confirm(0, 7));
    await sessions.fromClient(request(7, "shell"));
    // Which ends the connection.
    expect(() => sessions.fromClient(open(0))).toThrow("the number of another");
    sessions.fromServer(message(DATA, sshUint32(0), sshString("secret plans")));
    expect(recorded[0]!.shown).toBe("secret plans");
    expect(await sessions.fromClient(open(1))).toBe(true);
  });
});
