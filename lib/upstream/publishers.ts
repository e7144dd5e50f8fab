import type { ByteStream } from "../base/byte_stream.ts";
import type { Upstream } from "../config/config.ts";

/** Who a connection through a publisher is for. */
export interface PublishedFor {
  /** Address of who connects, without port; `null`: the gateway itself, which checks the health of the service. */
  readonly ip: string | null;
  /** Path of the HTTP request that it is opened for; empty for everything else. */
  readonly path: string;
}

/** Somebody who publishes the service of a route: connections to it go through them. */
export interface Publisher {
  /** The same for the same publisher, and no other has it. */
  readonly id: string;
  /** Whether the publisher connects to what the route says, so that there is a choice; else to one place of their own. */
  readonly followsRoute: boolean;
  /**
   * Opens a connection to the service; for a UDP route, what it carries is capsules (RFC 9297 section 3.2).
   *
   * @param upstream the `to` of the route that is meant; @param options `signal` gives up and does nothing to the finished stream
   * @returns the caller closes it; it breaks when the publisher is gone
   * @throws {DialError}
   */
  open(
    upstream: Upstream,
    options: { readonly for: PublishedFor; readonly signal: AbortSignal },
  ): Promise<ByteStream>;
  /** Hears that health checks say something else of the service than before. */
  onHealth(): void;
}

/** Who publishes which route now. */
export class Publishers {
  readonly #byRoute = new Map<string, Set<Publisher>>();
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Called when a publisher of a route has come or gone. */
  onChange: (routeId: string, publisher: Publisher, isThere: boolean) => void = () => {};

  /** Those of a route, in the order in which they came. */
  of(routeId: string): readonly Publisher[] {
    return [...this.#byRoute.get(routeId) ?? []];
  }

  /** Has connections of the route go through a publisher too, until the answer is disposed. */
  add(routeId: string, publisher: Publisher): Disposable {
    const publishers = this.#byRoute.get(routeId) ?? new Set();
    this.#byRoute.set(routeId, publishers.add(publisher));
    this.#tell(routeId);
    this.onChange(routeId, publisher, true);
    return {
      [Symbol.dispose]: () => {
        if (!publishers.delete(publisher)) return;
        if (publishers.size === 0) this.#byRoute.delete(routeId);
        this.#tell(routeId);
        this.onChange(routeId, publisher, false);
      },
    };
  }

  /** Hears of publishers of a route that come and go. Dispose the answer to hear no more. */
  watch(routeId: string, listener: () => void): Disposable {
    const listeners = this.#listeners.get(routeId) ?? new Set();
    this.#listeners.set(routeId, listeners.add(listener));
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(routeId);
      },
    };
  }

  #tell(routeId: string): void {
    for (const listener of this.#listeners.get(routeId) ?? []) listener();
  }
}
