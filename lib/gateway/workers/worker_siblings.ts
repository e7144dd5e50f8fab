import type { ByteStream } from "../../base/byte_stream.ts";
import type { Clock } from "../../base/clock.ts";
import { errorMessage } from "../../base/errors.ts";
import type { Config } from "../../config/config.ts";
import { type HttpPublishers, whoExpects } from "../../http/publish/publish.ts";
import type { JoinRequest, Siblings } from "../../http/siblings.ts";
import type { Log } from "../../observe/log.ts";
import type { PastTunnel, TunnelRegistry } from "../../tunnel/registry.ts";
import { DialError } from "../../upstream/dial_error.ts";
import type { Publishers } from "../../upstream/publishers.ts";
import { type PublisherNotice, RemotePublisher } from "./remote_publisher.ts";
import { askSibling, serveSiblings, type SiblingRequest } from "./sibling_socket.ts";
import type { Notice } from "./worker_link.ts";
import { siblingSocketOf, type WorkerPlace } from "./worker_place.ts";

/** What a worker shares with the others. */
export interface WorkerSiblingsOptions {
  /** Which one it is. */
  readonly place: WorkerPlace;
  /** What is served now. */
  readonly config: () => Config;
  /** Who publishes what, here and elsewhere. */
  readonly publishers: Publishers;
  /** Who publishes over HTTP here. */
  readonly httpPublishers: HttpPublishers;
  /** What is open here. */
  readonly tunnels: TunnelRegistry;
  /** For time limits. */
  readonly clock: Clock;
  /** Hears of others that cannot be asked. */
  readonly log: Log;
}

const HERE = "here";
const PUBLISHER = "publisher ";
const ASK_MS = 5000;

/**
 * The other workers, as one of them sees them: who publishes at another is reached through it, and a connection that
 * belongs to another is passed on. Dispose it to be one of them no longer.
 */
export class WorkerSiblings implements Siblings, AsyncDisposable {
  /** {@inheritDoc Siblings.mark} */
  readonly mark: string;
  readonly #options: WorkerSiblingsOptions;
  readonly #remote = new Map<string, Disposable>();
  readonly #held = new AsyncDisposableStack();
  readonly #others = new Set<number>();

  private constructor(options: WorkerSiblingsOptions) {
    this.#options = options;
    this.mark = `${options.place.number}-`;
  }

  /** Joins the others. The caller disposes it. */
  static async join(options: WorkerSiblingsOptions): Promise<WorkerSiblings> {
    const siblings = new WorkerSiblings(options);
    await siblings.#start();
    return siblings;
  }

  /** {@inheritDoc Siblings.join} */
  async join(request: JoinRequest): Promise<ByteStream | null> {
    const number = Number(/^(\d{1,2})-/.exec(request.connection)?.[1]);
    if (!this.#others.has(number)) return null;
    const found = await this.#ask(number, { kind: "join", ...request });
    if (found?.answer.ok) return found.stream;
    found?.stream.close();
    return null;
  }

  /** {@inheritDoc Siblings.pastTunnel} */
  async pastTunnel(id: string): Promise<PastTunnel | null> {
    const found = await Promise.all([...this.#others].map(async (number) => {
      const answered = await this.#ask(number, { kind: "past", id });
      answered?.stream.close();
      return answered?.answer.ok ? answered.answer.past ?? null : null;
    }));
    return found.find((past) => past !== null) ?? null;
  }

  /** Neither asks nor answers others any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }

  async #start(): Promise<void> {
    const { place, publishers, tunnels, clock, log } = this.#options;
    const handlers = {
      open: (request: Extract<SiblingRequest, { kind: "open" }>, signal: AbortSignal) =>
        this.#open(request, signal),
      expects: (request: JoinRequest) => this.#whoExpects(request) !== undefined,
      arrived: (request: JoinRequest, stream: ByteStream) => {
        const publisher = this.#whoExpects(request);
        if (publisher === undefined) stream.close();
        else publisher.arrived(request.connection, stream);
      },
      past: (id: string) => tunnels.pastTunnel(id),
    };
    this.#held.use(await serveSiblings(this.#socketOf(place.number), { handlers, clock, log }));
    publishers.onChange = (routeId, { id, followsRoute }, isThere) => {
      const key = `${PUBLISHER}${routeId} ${id}`;
      const notice: PublisherNotice = { routeId, id, followsRoute };
      if (!this.#remote.has(key)) place.link.post(key, isThere ? notice : null);
    };
    this.#held.defer(() => {
      publishers.onChange = () => {};
    });
    place.link.post(HERE, true);
    this.#held.use(place.link.follow((notice) => this.#noticed(notice)));
    place.link.onLost = (lost) => {
      for (const { id, sessionId } of lost) {
        tunnels.remember(id, { sessionId, reason: "worker-ended", detail: null });
      }
    };
  }

  #noticed({ worker, key, value }: Notice): void {
    const { publishers } = this.#options;
    if (key === HERE) this.#others[value === null ? "delete" : "add"](worker);
    if (!key.startsWith(PUBLISHER)) return;
    if (value === null) {
      this.#remote.get(key)?.[Symbol.dispose]();
      this.#remote.delete(key);
    } else if (!this.#remote.has(key)) {
      const notice = value as PublisherNotice;
      const held = new DisposableStack();
      // Known as one of others before it is added, of which everybody hears.
      this.#remote.set(key, held);
      held.use(publishers.add(notice.routeId, new RemotePublisher(notice, this.#socketOf(worker))));
    }
  }

  async #open(
    { routeId, publisherId, upstreamUrl, ip, path }: Extract<SiblingRequest, { kind: "open" }>,
    signal: AbortSignal,
  ): Promise<ByteStream> {
    const { publishers, config } = this.#options;
    const publisher = publishers.of(routeId)
      .find((one) => one.id === publisherId && !(one instanceof RemotePublisher));
    const upstream = config().routes.find(({ id }) => id === routeId)?.to
      .find(({ url }) => url === upstreamUrl);
    if (publisher === undefined || upstream === undefined) {
      throw new DialError("dial/failed", `Publisher ${publisherId} is gone`);
    }
    return await publisher.open(upstream, { for: { ip, path }, signal });
  }

  #whoExpects(request: JoinRequest) {
    return whoExpects(request, this.#options.httpPublishers);
  }

  async #ask(number: number, request: SiblingRequest) {
    try {
      return await askSibling(this.#socketOf(number), { request, signal: AbortSignal.timeout(ASK_MS) });
    } catch (error) {
      const known = { worker: number, error: errorMessage(error) };
      this.#options.log.warn("another worker cannot be asked", known);
      return null;
    }
  }

  #socketOf(number: number): string {
    return siblingSocketOf(this.#options.place.socketFolder, number);
  }
}
