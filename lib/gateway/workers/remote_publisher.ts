import type { ByteStream } from "../../base/byte_stream.ts";
import { errorMessage } from "../../base/errors.ts";
import type { Upstream } from "../../config/config.ts";
import { DialError, type DialErrorCode } from "../../upstream/dial_error.ts";
import type { PublishedFor, Publisher } from "../../upstream/publishers.ts";
import { askSibling } from "./sibling_socket.ts";

/** A publisher, as other workers are told of it. */
export interface PublisherNotice {
  /** The route. */
  readonly routeId: string;
  /** {@inheritDoc Publisher.id} */
  readonly id: string;
  /** {@inheritDoc Publisher.followsRoute} */
  readonly followsRoute: boolean;
}

/** A publisher that has come to another worker, through which connections to it go. */
export class RemotePublisher implements Publisher {
  /** {@inheritDoc Publisher.id} */
  readonly id: string;
  /** {@inheritDoc Publisher.followsRoute} */
  readonly followsRoute: boolean;
  readonly #routeId: string;
  readonly #socketPath: string;

  /** Opens nothing by itself. @param socketPath where that worker answers others */
  constructor({ routeId, id, followsRoute }: PublisherNotice, socketPath: string) {
    this.id = id;
    this.followsRoute = followsRoute;
    this.#routeId = routeId;
    this.#socketPath = socketPath;
  }

  /** The other worker checks, too, and its publisher hears of that. */
  onHealth(): void {}

  /** {@inheritDoc Publisher.open} */
  async open(
    { url: upstreamUrl }: Upstream,
    { for: { ip, path }, signal }: { readonly for: PublishedFor; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    const known = { routeId: this.#routeId, publisherId: this.id };
    const request = { kind: "open", ...known, upstreamUrl, ip, path } as const;
    const { answer, stream } = await askSibling(this.#socketPath, { request, signal }).catch((cause) => {
      if (signal.aborted) throw cause;
      const message = `The worker of publisher ${this.id} cannot be asked: ${errorMessage(cause)}`;
      throw new DialError("dial/failed", message, { cause });
    });
    if (answer.ok) return stream;
    stream.close();
    // Of the same program: the codes are the same.
    throw new DialError(answer.code as DialErrorCode, answer.message);
  }
}
