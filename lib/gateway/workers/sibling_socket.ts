import { abortable } from "../../base/abortable.ts";
import type { ByteStream } from "../../base/byte_stream.ts";
import type { Clock } from "../../base/clock.ts";
import { denoStream } from "../../base/deno_stream.ts";
import { errorMessage, SallyportError } from "../../base/errors.ts";
import { joinBoth } from "../../base/join_both.ts";
import type { JoinRequest } from "../../http/siblings.ts";
import type { Log } from "../../observe/log.ts";
import type { PastTunnel } from "../../tunnel/registry.ts";
import { framedStream } from "./_framed_stream.ts";
import { readHead, writeHead } from "./_sibling_head.ts";

/** What a worker asks another one for. */
export type SiblingRequest =
  /** A connection to what one of its publishers publishes. */
  | {
    readonly kind: "open";
    readonly routeId: string;
    readonly publisherId: string;
    /** The `to` of the route that is meant. */
    readonly upstreamUrl: string;
    /** See `PublishedFor`. */
    readonly ip: string | null;
    /** See `PublishedFor`. */
    readonly path: string;
  }
  /** To take the stream of a connection that it waits for. */
  | { readonly kind: "join" } & JoinRequest
  /** How a tunnel of it ended. */
  | { readonly kind: "past"; readonly id: string };

/** What it answers. With `ok`, and unless it was asked for a `past` tunnel, the bytes of the connection follow. */
export type SiblingAnswer =
  | { readonly ok: true; readonly past?: PastTunnel | null }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** How one worker answers the others. */
export interface SiblingHandlers {
  /** Connects to what is published. @throws {DialError} */
  open(request: Extract<SiblingRequest, { kind: "open" }>, signal: AbortSignal): Promise<ByteStream>;
  /** Whether a connection is waited for. */
  expects(request: JoinRequest): boolean;
  /** Takes its stream. */
  arrived(request: JoinRequest, stream: ByteStream): void;
  /** How a tunnel ended. */
  past(id: string): PastTunnel | null;
}

/** How long another worker may take with its question, or to answer one. */
const HEAD_MS = 15_000;
/** How soon it is accepted again when the system has no descriptor left. */
const ACCEPT_RETRY_MS = 100;

/** Answers other workers on a Unix socket, for the owner of the gateway only. The caller disposes it. */
export async function serveSiblings(
  path: string,
  { handlers, clock, log }: { handlers: SiblingHandlers; clock: Clock; log: Log },
): Promise<AsyncDisposable> {
  await Deno.remove(path).catch(() => {});
  const listener = Deno.listen({ transport: "unix", path });
  await Deno.chmod(path, 0o600);
  const open = new Set<ByteStream>();
  const serve = async (conn: Deno.UnixConn) => {
    const stream = denoStream(conn, { onClose: () => open.delete(stream) });
    open.add(stream);
    try {
      await answer(stream, { handlers, clock });
    } catch (error) {
      stream.close();
      log.debug("another worker was not answered", { error: errorMessage(error) });
    }
  };
  let isClosed = false;
  const accept = async () => {
    while (!isClosed) {
      try {
        void serve(await listener.accept());
      } catch (error) {
        if (isClosed) return;
        log.warn("another worker could not be heard", { error: errorMessage(error) });
        await new Promise<void>((resolve) => clock.timer(ACCEPT_RETRY_MS, resolve));
      }
    }
  };
  const accepting = accept();
  return {
    async [Symbol.asyncDispose]() {
      isClosed = true;
      listener.close();
      await accepting;
      for (const stream of open) stream.close();
    },
  };
}

async function answer(
  stream: ByteStream,
  { handlers, clock }: { handlers: SiblingHandlers; clock: Clock },
): Promise<void> {
  const { request, rest } = await firstWord(stream, clock);
  switch (request.kind) {
    case "past":
      await writeHead(stream, { ok: true, past: handlers.past(request.id) } satisfies SiblingAnswer);
      return stream.close();
    case "join":
      if (!handlers.expects(request)) {
        return await refuse(stream, { code: "http/not-found", message: "No such connection is waited for" });
      }
      await writeHead(stream, { ok: true } satisfies SiblingAnswer);
      return handlers.arrived(request, framedStream(rest));
    case "open": {
      let opened: ByteStream;
      try {
        opened = await handlers.open(request, AbortSignal.timeout(HEAD_MS));
      } catch (error) {
        const code = error instanceof SallyportError ? error.code : "dial/failed";
        return await refuse(stream, { code, message: errorMessage(error) });
      }
      await writeHead(stream, { ok: true } satisfies SiblingAnswer).catch((error) => {
        opened.close();
        throw error;
      });
      return await joinBoth(framedStream(rest), opened);
    }
  }
}

async function refuse(stream: ByteStream, fault: { code: string; message: string }): Promise<void> {
  await writeHead(stream, { ok: false, ...fault } satisfies SiblingAnswer);
  stream.close();
}

async function firstWord(
  stream: ByteStream,
  clock: Clock,
): Promise<{ request: SiblingRequest; rest: ByteStream }> {
  using _late = clock.timer(HEAD_MS, () => stream.close());
  const { head, rest } = await readHead(stream);
  return { request: head as SiblingRequest, rest };
}

/**
 * Asks another worker.
 *
 * @param path of its socket; @param options `signal` gives up, and does nothing to the finished stream
 * @returns its answer, and with `ok` the bytes that follow, which the caller closes
 */
export async function askSibling(
  path: string,
  { request, signal }: { request: SiblingRequest; signal: AbortSignal },
): Promise<{ answer: SiblingAnswer; stream: ByteStream }> {
  const dialling = Deno.connect({ transport: "unix", path });
  dialling.then((conn) => signal.aborted && conn.close(), () => {});
  const stream = denoStream(await abortable(dialling, signal));
  try {
    await abortable(writeHead(stream, request), signal);
    const { head, rest } = await abortable(readHead(stream), signal);
    return { answer: head as SiblingAnswer, stream: framedStream(rest) };
  } catch (error) {
    stream.close();
    throw error;
  }
}
