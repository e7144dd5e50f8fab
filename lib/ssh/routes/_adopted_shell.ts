// @ts-types="@types/ssh2"
import type { Client, ClientChannel, PseudoTtyOptions } from "ssh2";
import { errorMessage } from "../../base/errors.ts";
import type { TunnelCounters } from "../../tunnel/registry.ts";
import type { HandedShell, PtyRequest, Recording, RecordingMeta, SessionRecorder } from "../handlers.ts";

/** What ends a shell that cannot be opened, or not be recorded. */
const EXIT_CODE = 255;

/** Where a shell goes on. */
export interface AdoptedShellOptions {
  /** Signed in at the server. */
  readonly upstream: Client;
  /** `null`: it is not recorded. */
  readonly recorder: SessionRecorder | null;
  /** All but what the session itself says. */
  readonly meta: Omit<RecordingMeta, "kind" | "pty">;
  /** Told of the bytes. */
  readonly counters: TunnelCounters;
}

/** Goes on with a shell of ours as one of a server, until that ends. Closes both. Never rejects. */
export async function runAdoptedShell(shell: HandedShell, options: AdoptedShellOptions): Promise<void> {
  const { channel: client } = shell;
  try {
    const recording = await options.recorder?.begin({
      ...options.meta,
      kind: { type: "shell", name: "" },
      pty: shell.pty,
    }) ?? null;
    const server = await openShell(options.upstream, shell).catch(async (error) => {
      await recording?.end(null);
      throw error;
    });
    await join(shell, { server, recording, counters: options.counters });
  } catch (error) {
    client.stderr.write(`The shell cannot be opened: ${errorMessage(error)}\r\n`);
    client.exit(EXIT_CODE);
    client.end();
  }
}

function openShell(upstream: Client, { pty, env }: HandedShell): Promise<ClientChannel> {
  const { columns: cols, rows, width, height, term, modes } = pty;
  const window = { cols, rows, width, height, term, modes } as PseudoTtyOptions;
  return new Promise((resolve, reject) => {
    upstream.once("close", () => reject(new Error("The server has gone")));
    upstream.shell(window, { env: { ...env } }, (error, channel) => error ? reject(error) : resolve(channel));
  });
}

async function join(
  { channel: client, onResize }: HandedShell,
  { server, recording, counters }: {
    server: ClientChannel;
    recording: Recording | null;
    counters: TunnelCounters;
  },
): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let exit: Parameters<Recording["end"]>[0] = null;
  using _resizes = onResize((size: Pick<PtyRequest, "columns" | "rows" | "width" | "height">) => {
    server.setWindow(size.rows, size.columns, size.height, size.width);
    recording?.resize(size);
  });
  client.on("data", (bytes: Uint8Array) => {
    counters.bytesUp += bytes.length;
    recording?.input(bytes);
  });
  server.on("data", (bytes: Uint8Array) => {
    counters.bytesDown += bytes.length;
    recording?.output(bytes);
  });
  server.stderr.on("data", (bytes: Uint8Array) => {
    counters.bytesDown += bytes.length;
    recording?.output(bytes, 2);
  });
  server.on("exit", (code: number | null, signal?: string, isDumped?: boolean) => {
    exit = code === null ? { signal: String(signal).replace(/^SIG/, "") } : { code };
    if ("code" in exit) client.exit(exit.code);
    else client.exit(exit.signal, isDumped === true);
  });
  for (const end of [client, server]) end.on("error", () => {});
  server.once("close", () => resolve());
  client.once("close", () => server.close());
  const onFailed = () => {
    const why = errorMessage(recording!.failed.reason);
    client.stderr.write(`This session must be recorded, and cannot be: ${why}\r\n`);
    client.exit(EXIT_CODE);
    server.close();
  };
  if (recording?.failed.aborted) onFailed();
  else recording?.failed.addEventListener("abort", onFailed, { once: true });
  client.pipe(server);
  server.pipe(client, { end: false });
  server.stderr.pipe(client.stderr, { end: false });
  await closed;
  await recording?.end(exit);
  client.end();
  client.close();
}
