import type { ForwardedConnection, TunnelMessage } from "../handlers.ts";

/** So many lines are kept. */
const MAX_MESSAGES = 256;
/** So many connections that are over. */
const MAX_CLOSED = 64;

/** A connection, as it goes on. */
export type LoggedConnection = { -readonly [Key in keyof ForwardedConnection]: ForwardedConnection[Key] };

/** What happened on one connection that publishes, for the terminal page. */
export class ConnectionLog {
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #connections: readonly LoggedConnection[] = [];
  #messages: readonly TunnelMessage[] = [];
  #channels = 0;

  /** Nothing has happened yet. @param now milliseconds since 1970-01-01T00:00:00Z */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** {@inheritDoc TunnelModel.connections} */
  get connections(): readonly ForwardedConnection[] {
    return this.#connections;
  }

  /** {@inheritDoc TunnelModel.messages} */
  get messages(): readonly TunnelMessage[] {
    return this.#messages;
  }

  /** {@inheritDoc TunnelModel.onChange} */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Tells that something is different. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Adds a line. */
  say(level: TunnelMessage["level"], text: string): void {
    this.#messages = [...this.#messages.slice(1 - MAX_MESSAGES), { at: this.#now(), level, text }];
    this.changed();
  }

  /** Adds a connection. */
  opened(facts: Pick<ForwardedConnection, "hostname" | "path" | "client">): LoggedConnection {
    const connection: LoggedConnection = {
      ...facts,
      channel: this.#channels++,
      isOpen: true,
      rxBytes: 0,
      txBytes: 0,
      openedAt: this.#now(),
      closedAt: null,
    };
    const closed = this.#connections.filter(({ isOpen }) => !isOpen);
    const tooOld = new Set(closed.slice(0, Math.max(0, closed.length - MAX_CLOSED)));
    this.#connections = [...this.#connections.filter((one) => !tooOld.has(one)), connection];
    this.changed();
    return connection;
  }

  /** Notes that a connection is over. */
  closed(connection: LoggedConnection): void {
    if (!connection.isOpen) return;
    connection.isOpen = false;
    connection.closedAt = this.#now();
    this.changed();
  }
}
