// @ts-types="@types/ssh2"
import type { ClientChannel, ServerChannel, Session } from "ssh2";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../../lib/base/bytes.ts";
import { sshString, sshUint32 } from "../../../lib/codec/ssh_wire.ts";
import type { Recording, RecordingMeta, SessionRecorder } from "../../../lib/ssh/handlers.ts";
import { until } from "../../_support/until.ts";
import { internals, type ServedSession, serveSession } from "./_harness.ts";

/** Keeps what it is told. */
class FakeRecorder implements SessionRecorder {
  readonly begun: RecordingMeta[] = [];
  readonly told: unknown[] = [];
  readonly failure = new AbortController();
  /** What beginning waits for. */
  gate: Promise<void> = Promise.resolve();

  async begin(meta: RecordingMeta): Promise<Recording> {
    this.begun.push(meta);
    await this.gate;
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return {
      input: (bytes) => void this.told.push(["input", text(bytes)]),
      output: (bytes, stream = 1) => void this.told.push([stream === 1 ? "output" : "error", text(bytes)]),
      resize: ({ columns, rows }) => void this.told.push(["resize", columns, rows]),
      failed: this.failure.signal,
      end: (exit) => {
        this.told.push(["end", exit]);
        return Promise.resolve();
      },
    };
  }
}

/** A shell with a terminal at both ends; the server's is `null` while it has not heard of it. */
async function startShell({ client, server }: ServedSession): Promise<{
  client: ClientChannel;
  server: () => ServerChannel | null;
  /** What the client is told at the end: the code, and the standard error until then. */
  exit: Promise<{ code: number; said: string }>;
}> {
  let accepted: ServerChannel | null = null;
  const exit = Promise.withResolvers<{ code: number; said: string }>();
  server.once("session", (accept) => {
    const session: Session = accept();
    session.on("pty", (accept) => accept?.());
    session.on("window-change", (accept) => accept?.());
    session.on("shell", (accept) => accepted = accept());
  });
  const window = { term: "xterm", cols: 80, rows: 24, width: 0, height: 0, modes: { ECHO: 1 as const } };
  const opening = new Promise<ClientChannel>((resolve, reject) =>
    client.shell(window, (error, channel) => {
      if (error) return reject(error);
      let said = "";
      channel.stderr.on("data", (bytes: Uint8Array) => said += new TextDecoder().decode(bytes));
      channel.once("exit", (code) => channel.once("close", () => exit.resolve({ code, said })));
      channel.resume();
      resolve(channel);
    })
  );
  return { client: await opening, server: () => accepted, exit: exit.promise };
}

const open = (channel: number) =>
  concatBytes([
    Uint8Array.of(90),
    sshString("session"),
    sshUint32(channel),
    sshUint32(1_000_000),
    sshUint32(32_768),
  ]);
const exec = (channel: number) =>
  concatBytes([Uint8Array.of(98), sshUint32(channel), sshString("exec"), Uint8Array.of(1), sshString("id")]);

/** Sends a message as it is. */
function send(end: unknown, payload: Uint8Array): void {
  const { _protocol: protocol } = internals(end);
  const packet = protocol._packetRW.write.alloc(payload.length);
  packet.set(payload, protocol._packetRW.write.allocStart);
  protocol._cipher.encrypt(protocol._packetRW.write.finalize(packet));
}

describe("a session that is recorded", () => {
  it("is told with all that happens in it, in order", async () => {
    const recorder = new FakeRecorder();
    await using session = await serveSession({ recorder });
    const shell = await startShell(session);
    const server = await until(shell.server);
    server.resume();
    shell.client.write("in");
    await until(() => recorder.told.length === 1);
    shell.client.setWindow(50, 132, 0, 0);
    await until(() => recorder.told.length === 2);
    server.write("out");
    server.stderr.write("err");
    server.exit(3);
    server.end();
    shell.client.end();
    await until(() => recorder.told.length === 5);
    expect(recorder.begun).toMatchObject([{
      login: { username: "ada" },
      routeName: "box",
      upstream: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      kind: { type: "shell", name: "" },
      pty: { term: "xterm", columns: 80, rows: 24, modes: { ECHO: 1 } },
    }]);
    expect(recorder.told).toEqual([
      ["input", "in"],
      ["resize", 132, 50],
      ["output", "out"],
      ["error", "err"],
      ["end", { code: 3 }],
    ]);
  });

  it.each<[string, (session: ServedSession) => Promise<unknown>, RecordingMeta["kind"]]>([
    [
      "a command",
      ({ client }) => new Promise((resolve) => client.exec("ls -l", (_, channel) => resolve(channel))),
      { type: "exec", name: "ls -l" },
    ],
    [
      "a subsystem",
      ({ client }) => new Promise((resolve) => client.subsys("sftp", (_, channel) => resolve(channel))),
      { type: "subsystem", name: "sftp" },
    ],
  ])("says that it is %s", async (_, open, kind) => {
    const recorder = new FakeRecorder();
    await using session = await serveSession({ recorder });
    session.server.once("session", (accept) => accept());
    void open(session);
    await until(() => recorder.begun.length === 1);
    expect(recorder.begun[0]).toMatchObject({ kind, pty: null });
  });

  it("begins at the server once it is being recorded, and not before", async () => {
    const recorder = new FakeRecorder();
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    recorder.gate = gate.promise;
    await using session = await serveSession({ recorder });
    session.server.on("session", () => order.push("session"));
    const starting = startShell(session);
    await until(() => recorder.begun.length === 1);
    setTimeout(() => gate.resolve(void order.push("recorded")), 100);
    const { server } = await starting;
    await until(server);
    order.push("shell");
    expect(order).toEqual(["session", "recorded", "shell"]);
  });

  it("does not begin when that fails, and says why", async () => {
    const recorder = new FakeRecorder();
    recorder.gate = Promise.reject(new Error("the disk is full"));
    recorder.gate.catch(() => {});
    await using session = await serveSession({ recorder });
    const shell = await startShell(session);
    expect(await shell.exit).toEqual({
      code: 255,
      said: "This session must be recorded, and cannot be: the disk is full\r\n",
    });
    expect(shell.server()).toBeNull();
  });

  it("ends at both ends when the recording fails, and says why", async () => {
    const recorder = new FakeRecorder();
    await using session = await serveSession({ recorder });
    const shell = await startShell(session);
    const server = await until(shell.server);
    server.resume();
    const left = new Promise((resolve) => server.once("close", resolve));
    recorder.failure.abort(new Error("the disk is full"));
    expect(await shell.exit).toMatchObject({ code: 255, said: expect.stringContaining("the disk is full") });
    await left;
  });

  it.each<[string, (channel: number) => Uint8Array[]]>([
    ["runs a command before the server has taken the channel", (channel) => [open(channel), exec(0)]],
    ["gives two channels one number", (channel) => [open(channel), open(channel)]],
  ])("is not got round by a client that %s", async (_, messages) => {
    const recorder = new FakeRecorder();
    await using session = await serveSession({ recorder });
    const commands: string[] = [];
    session.server.on(
      "session",
      (accept) => accept().on("exec", (_, __, { command }) => commands.push(command)),
    );
    for (const message of messages(7)) send(session.client, message);
    expect(await session.ended).toBe("client-reset");
    expect(commands).toEqual([]);
  });

  it("is sealed as cut off when the connection ends in the midst of it", async () => {
    const recorder = new FakeRecorder();
    await using session = await serveSession({ recorder });
    await startShell(session);
    session.client.destroy();
    expect(await session.ended).toBe("client-reset");
    expect(recorder.told).toEqual([["end", null]]);
  });
});
