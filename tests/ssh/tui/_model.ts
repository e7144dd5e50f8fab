import type {
  ForwardedConnection,
  ForwardRequest,
  PublishedRoute,
  SshLogin,
  TunnelMessage,
  TunnelModel,
} from "../../../lib/ssh/handlers.ts";

/** 2026-06-01T12:00:00Z, where the clocks of the tests start. */
export const START = Date.UTC(2026, 5, 1, 12);

/** A model that a test changes by hand. */
export class ScriptedModel implements TunnelModel {
  connections: readonly ForwardedConnection[] = [];
  requests: readonly ForwardRequest[] = [];
  routes: readonly PublishedRoute[] = [];
  messages: readonly TunnelMessage[] = [];
  readonly #listeners = new Set<() => void>();

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Puts other contents in the place of some, and tells of it. */
  change(to: Partial<Pick<TunnelModel, "connections" | "requests" | "routes" | "messages">>): void {
    Object.assign(this, to);
    for (const listener of this.#listeners) listener();
  }
}

/** A connection that is open since ten seconds before {@link START}. */
export function connection(channel: number, rest: Partial<ForwardedConnection> = {}): ForwardedConnection {
  return {
    channel,
    isOpen: true,
    hostname: "https-route.example.com",
    path: "/",
    client: "203.0.113.45",
    rxBytes: 512,
    txBytes: 20_480,
    openedAt: START - 10_000,
    closedAt: null,
    ...rest,
  };
}

/** A model as a working day has it: something of each kind. */
export function busyModel(): ScriptedModel {
  const model = new ScriptedModel();
  model.connections = [
    connection(1, {
      client: null,
      path: "/health",
      rxBytes: 118,
      txBytes: 97,
      isOpen: false,
      closedAt: START - 9_000,
    }),
    connection(2, { path: "/api/v1/orders", rxBytes: 1_536, txBytes: 7_340_032, openedAt: START - 184_000 }),
    connection(3, {
      hostname: "grpc-route.example.com",
      path: "/orders.Orders/Watch",
      client: "198.51.100.200",
    }),
    connection(4, { hostname: "build-box", path: "", client: "2001:db8::17", openedAt: START - 7_512_000 }),
  ];
  model.requests = [
    { hostname: "", port: 41_873, isDynamic: true, routes: 2 },
    { hostname: "build-box", port: 22, isDynamic: false, routes: 1 },
    { hostname: "old.example.com", port: 443, isDynamic: false, routes: 0 },
  ];
  model.routes = [
    {
      isActive: true,
      health: "healthy",
      remote: "https://https-route.example.com",
      local: "http://localhost:8080",
    },
    {
      isActive: false,
      health: "unhealthy",
      remote: "https://grpc-route.example.com",
      local: "h2c://localhost:8079",
    },
    { isActive: true, health: null, remote: "ssh://build-box", local: "ssh://localhost:22" },
    {
      isActive: null,
      health: null,
      remote: "tcp+https://redis.example.com:6379",
      local: "tcp://localhost:6379",
    },
  ];
  model.messages = [
    { at: START - 190_000, level: "info", text: "Port forward *:0 accepted (2 routes)" },
    { at: START - 189_000, level: "info", text: "Port forward build-box:22 accepted (1 route)" },
    {
      at: START - 4_000,
      level: "warn",
      text:
        "-R build-box:0 connects to what the route names, and takes no address of yours, as ssh seems to have been " +
        "given. Leave it out: -R build-box:0, or name the route: -R build-box:22:HOST:PORT",
    },
  ];
  return model;
}

/** A model with names that nobody should have, and some that people have. */
export function namesModel(): ScriptedModel {
  const model = busyModel();
  model.connections = [
    connection(1, { hostname: "\x1b]0;owned\x07.example.com", path: "/\x9b31m\u202egnp.exe" }),
    connection(2, { hostname: "漢字漢字漢字漢字漢字漢字", path: "/e\u0301a\u0301/😀😀😀😀😀😀😀😀" }),
    connection(999_999, { rxBytes: 2 ** 53, txBytes: 0, client: "2001:db8:85a3:1234:5678:8a2e:370:7334" }),
  ];
  return model;
}

/** Somebody who is signed in. */
export const LOGIN: SshLogin = {
  connectionId: "c-1",
  username: "ann",
  routeName: null,
  ip: "192.0.2.7",
  caller: {
    kind: "session",
    session: {
      sessionId: "4mJXq0vTn2uWcHk7ZrYbLQ",
      userId: "u-ann",
      email: "ann@example.com",
      groups: ["staff", "ops"],
      claims: { name: "Ann Example" },
    },
    providerId: "local",
    sessionExpiresAt: START + 8 * 3_600_000,
    carrier: "ssh-key",
  },
  ssh: { username: "ann", publicKey: new Uint8Array() },
  keyFingerprint: "SHA256:4mJXq0vTn2uWcHk7ZrYbLQ4mJXq0vTn2uWcHk7ZrYbL",
};
