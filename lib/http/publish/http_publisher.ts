import { abortable } from "../../base/abortable.ts";
import type { ByteStream } from "../../base/byte_stream.ts";
import { type Random, randomId } from "../../base/random.ts";
import { streamWith } from "../../base/stream_with.ts";
import type { PublishChannel } from "../../carrier/publish_channel.ts";
import type { Upstream } from "../../config/config.ts";
import { DialError } from "../../upstream/dial_error.ts";
import type { PublishedFor, Publisher } from "../../upstream/publishers.ts";

/** So many connections may be on their way at once. */
const MAX_WAITING = 1024;

type Waiting = PromiseWithResolvers<ByteStream>;

/** Who publishes a route over HTTP: for each connection they are asked to come back with a stream for it. */
export class HttpPublisher implements Publisher {
  /** {@inheritDoc Publisher.id} */
  readonly id: string;
  /** {@inheritDoc Publisher.followsRoute} */
  readonly followsRoute = false;
  /** Under which they have signed in. */
  readonly sessionId: string;
  /** What was moved so far, toward the service and from it. */
  readonly counters = { bytesUp: 0, bytesDown: 0 };
  readonly #channel: PublishChannel;
  readonly #random: Random;
  readonly #mark: string;
  readonly #waiting = new Map<string, Waiting>();
  readonly #open = new Set<ByteStream>();

  /** Asks for nothing yet. @param id see {@link Publisher.id}; @param options `channel`: to them; `mark`: what ids of connections begin with */
  constructor(
    id: string,
    { sessionId, channel, random, mark = "" }: {
      sessionId: string;
      channel: PublishChannel;
      random: Random;
      mark?: string;
    },
  ) {
    this.id = id;
    this.sessionId = sessionId;
    this.#channel = channel;
    this.#random = random;
    this.#mark = mark;
  }

  /** {@inheritDoc Publisher.onHealth} */
  onHealth(): void {}

  /** {@inheritDoc Publisher.open} */
  async open(
    _upstream: Upstream,
    { signal }: { readonly for: PublishedFor; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new DialError("dial/limit", `Publisher ${this.id} has ${MAX_WAITING} connections on their way`);
    }
    // Whoever knows it may be the service for one connection.
    const id = this.#mark + randomId(this.#random, 16);
    const waiting = Promise.withResolvers<ByteStream>();
    this.#waiting.set(id, waiting);
    try {
      this.#channel.send({ kind: "connect", id });
      return this.#counted(await abortable(waiting.promise, signal));
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** Whether somebody waits for a stream of this id. */
  expects(id: string): boolean {
    return this.#waiting.has(id);
  }

  /** The stream that was waited for has come; closed when nobody does any more. */
  arrived(id: string, stream: ByteStream): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) stream.close();
    else waiting.resolve(stream);
  }

  /** They could not connect to their service. */
  refused(id: string, reason: string): void {
    const message = `The publisher did not connect to the service: ${reason}`;
    this.#waiting.get(id)?.reject(new DialError("dial/refused", message));
  }

  /** They are gone, or may not go on. */
  close(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new DialError("dial/failed", `Publisher ${this.id} is gone`));
    }
    for (const stream of this.#open) stream.close();
  }

  #counted(stream: ByteStream): ByteStream {
    const counted = streamWith(stream, {
      read: async (into) => {
        const count = await stream.read(into);
        this.counters.bytesDown += count ?? 0;
        return count;
      },
      write: async (bytes) => {
        await stream.write(bytes);
        this.counters.bytesUp += bytes.length;
      },
      close: () => {
        this.#open.delete(counted);
        stream.close();
      },
    });
    this.#open.add(counted);
    return counted;
  }
}
