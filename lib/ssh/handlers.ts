// @ts-types="@types/ssh2"
import type { Connection, ServerChannel } from "ssh2";
import type { ByteStream } from "../base/byte_stream.ts";
import type { Route } from "../config/config.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import type { Decision } from "../policy/decision.ts";
import type { SshFacts } from "../policy/facts.ts";
import type { Grant } from "../policy/grant.ts";
import type { MoveTunnel } from "../tunnel/registry.ts";

/** Somebody who has signed in over SSH. */
export interface SshLogin {
  /** Of the connection, in the log and the audit trail; a channel that is a tunnel of its own has its own. */
  readonly connectionId: string;
  /** The login name that was asked for, without route. */
  readonly username: string;
  /** What was asked for after it, as in `user@route@gateway`; `null`: nothing. */
  readonly routeName: string | null;
  /** Address of the client, without port. */
  readonly ip: string;
  /** Whose key it is. */
  readonly caller: Extract<Caller, { readonly kind: "session" }>;
  /** What a policy may ask about the login. */
  readonly ssh: SshFacts;
  /** The key, or the key in the certificate, such as `SHA256:…`. */
  readonly keyFingerprint: string;
}

/**
 * The other end of a connection, after it has signed in. A channel of it takes no more bytes than the client reads, whatever
 * window it was given: pumps need only respect the backpressure of `node:stream`.
 */
export interface SshClient {
  /** For what has no method here. Its events `session`, `tcpip` and `request` belong to the core unless {@link RouteSession} has it. */
  readonly connection: Connection;
  /** Set when the connection is no more. */
  readonly closed: AbortSignal;
  /**
   * Opens a channel `forwarded-tcpip` (RFC 4254 section 7.2). The caller closes it.
   *
   * @throws {Error} when the client refuses it, or is gone
   */
  openForwarded(from: {
    /** The address that the client asked to be forwarded, as it wrote it. */
    readonly boundAddr: string;
    /** The port that it knows the forwarding by. */
    readonly boundPort: number;
    /** Who connects. */
    readonly originIp: string;
    /** From which port. */
    readonly originPort: number;
  }): Promise<ServerChannel>;
  /** Shows a line at the client (SSH_MSG_DEBUG with `always_display`, RFC 4253 section 11.3). Line breaks become spaces. */
  showMessage(text: string): void;
  /** Ends the connection with a sentence (RFC 4253 section 11.1). @param reason as {@link DISCONNECT} of `reasons.ts` */
  disconnect(reason: number, text: string): void;
}

/** A yes of a policy to an SSH login. */
export interface SshGranted {
  /** The route. */
  readonly route: Route;
  /** For dialling. */
  readonly grant: Grant;
  /** For the trail. */
  readonly decision: Decision;
  /** Of live authorization, from before the decision. */
  readonly mark: number;
}

/** What a channel with a terminal is to whoever draws on it. */
export interface Terminal {
  /** Its `TERM`, such as `xterm-256color`; empty when it told none. */
  readonly term: string;
  /** Environment that the client sent before, such as `COLORTERM` and `LANG`. */
  readonly env: Readonly<Record<string, string>>;
  /** As they are now, 1 to 512. */
  readonly columns: number;
  /** As they are now, 1 to 512. */
  readonly rows: number;
  /** What is typed, and what is shown; `read` answers `null` when the client goes. */
  readonly stream: ByteStream;
  /** Hears of another size. Dispose it to hear no more. */
  onResize(listener: () => void): Disposable;
  /** Tells the exit code and closes the channel. Safe to call twice. */
  exit(code: number): void;
}

/** Everything a client asked for of a session before its shell or command, to be asked again of another server. */
export interface PtyRequest {
  /** Its `TERM`. */
  readonly term: string;
  /** In characters. */
  readonly columns: number;
  /** In characters. */
  readonly rows: number;
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Terminal modes by opcode name (RFC 4254 section 8), as ssh2 has them. */
  readonly modes: Readonly<Record<string, number | undefined>>;
}

/** A shell that the core had opened, whose user has then picked a route. */
export interface HandedShell {
  /** The channel, accepted, with nothing drawn on it any more. */
  readonly channel: ServerChannel;
  /** Its terminal, with the size as it is now. */
  readonly pty: PtyRequest;
  /** Environment that the client sent before. */
  readonly env: Readonly<Record<string, string>>;
  /** Hears of another size. */
  onResize(listener: (size: Pick<PtyRequest, "columns" | "rows" | "width" | "height">) => void): Disposable;
}

/** The servers behind `ssh://` routes. */
export interface RouteSessions {
  /**
   * Reaches the server of the route and signs in there, before the client is told that it is signed in.
   *
   * @returns the caller disposes it
   * @throws {DialError} and coded errors, which become the reason of a disconnect
   */
  open(login: SshLogin, granted: SshGranted): Promise<RouteSession>;
}

/** A connection to the server of a route, signed in. */
export interface RouteSession extends AsyncDisposable {
  /** What the server said before signing in; empty when nothing. */
  readonly banner: string;
  /** The `to` of the route that it goes to. */
  readonly upstreamUrl: string;
  /** IP address and port of the server, for the trail. */
  readonly address: string;
  /**
   * Passes every channel and global request of the connection on, both ways, until one side is gone or `signal` ends it.
   * Run by the registry of tunnels: counts the bytes of channels, and never rejects. Does not disconnect the client.
   */
  serve(client: SshClient, live: Parameters<MoveTunnel>[0]): ReturnType<MoveTunnel>;
  /** The same for one shell that the user has come from; ends when that shell does. */
  adopt(shell: HandedShell, client: SshClient, live: Parameters<MoveTunnel>[0]): ReturnType<MoveTunnel>;
}

/** `direct-tcpip` on a connection without route: the jump host, `ssh -L` and `ssh -W`. */
export interface DirectForwards {
  /**
   * Decides, dials, and answers the client by calling `accept` or `reject`; the channel is a tunnel of its own. Never rejects.
   */
  open(login: SshLogin, request: {
    /** The name of a route, or the destination of a TCP route. */
    readonly host: string;
    /** 0 to 65535. */
    readonly port: number;
    /** Takes the channel. */
    accept(): ServerChannel;
    /** Refuses it, with a sentence that the client shows. */
    reject(text: string): void;
    /** The connection. */
    readonly client: SshClient;
  }): Promise<void>;
}

/** Publishing services with `ssh -R`. */
export interface ReverseForwards {
  /** Takes part in a connection without route. Dispose the answer when the connection is no more. */
  attach(client: SshClient, login: SshLogin): ReverseConnection;
}

/** What one connection publishes. */
export interface ReverseConnection extends Disposable {
  /** `tcpip-forward` (RFC 4254 section 7.1). @returns the port to answer with, or why not; the core answers the client */
  request(wanted: { readonly bindAddr: string; readonly bindPort: number }): Promise<
    { readonly ok: true; readonly port: number } | { readonly ok: false; readonly reason: string }
  >;
  /** `cancel-tcpip-forward`. @returns whether there was one */
  cancel(wanted: { readonly bindAddr: string; readonly bindPort: number }): Promise<boolean>;
  /** Whether anything was asked for. */
  readonly isActive: boolean;
  /** What the terminal page shows. */
  readonly model: TunnelModel;
}

/** What the terminal page shows of one connection that publishes. Read anew for each frame. */
export interface TunnelModel {
  /** Connections through it, the oldest first; some that are over remain for a while. */
  readonly connections: readonly ForwardedConnection[];
  /** One for each `-R`, in the order in which they were asked for. */
  readonly requests: readonly ForwardRequest[];
  /** Routes that this user may publish, in the order of the configuration. */
  readonly routes: readonly PublishedRoute[];
  /** System messages, the oldest first; the last 256. */
  readonly messages: readonly TunnelMessage[];
  /** Called after anything has changed; at most as often as it changes. Dispose it to hear no more. */
  onChange(listener: () => void): Disposable;
}

/** A connection of somebody to a service that is published. */
export interface ForwardedConnection {
  /** Number of its channel, for a person. */
  readonly channel: number;
  /** Whether it is over. */
  readonly isOpen: boolean;
  /** Host of the route, or its name for `ssh://`. */
  readonly hostname: string;
  /** Path of the request; empty when it is none of HTTP. */
  readonly path: string;
  /** Address of who connects; `null`: a health check. */
  readonly client: string | null;
  /** From who connects to the service. */
  readonly rxBytes: number;
  /** From the service to who connects. */
  readonly txBytes: number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly openedAt: number;
  /** The same; `null` while it is open. */
  readonly closedAt: number | null;
}

/** One `-R`. */
export interface ForwardRequest {
  /** As asked for; empty means all. */
  readonly hostname: string;
  /** As asked for, or the virtual one for 0. */
  readonly port: number;
  /** Whether the port was 0. */
  readonly isDynamic: boolean;
  /** How many routes it publishes. */
  readonly routes: number;
}

/** A route that this user may publish. */
export interface PublishedRoute {
  /** Whether one of the requests publishes it; `null`: no request asks for it. */
  readonly isActive: boolean | null;
  /** `null`: it has no health checks, or is not published. */
  readonly health: "healthy" | "degraded" | "unhealthy" | "unknown" | null;
  /** `from`, as written. */
  readonly remote: string;
  /** Its first `to`, as written; empty when there is none. */
  readonly local: string;
}

/** A line of the log on the terminal page. */
export interface TunnelMessage {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly at: number;
  /** How much it matters. */
  readonly level: "info" | "warn";
  /** One line. */
  readonly text: string;
}

/** The terminal page of a connection that publishes. */
export interface TunnelScreens {
  /** Draws until the user leaves or the terminal is gone, and leaves the terminal clean. @returns what the user wants */
  open(
    terminal: Terminal,
    options: {
      readonly model: TunnelModel;
      readonly login: SshLogin;
      /** Ends it as if the user had quit: to be set, and waited for, before the gateway ends the connection. */
      readonly signal?: AbortSignal;
    },
  ): Promise<"quit" | "sign-out">;
}

/** Keeps what happens in sessions of a route that says so. */
export interface SessionRecorder {
  /** Begins a recording. @returns the caller ends it @throws {SallyportError} when nothing can be written and the session must not go on */
  begin(meta: RecordingMeta): Promise<Recording>;
}

/** What a recording says of its session. */
export interface RecordingMeta {
  /** Who. */
  readonly login: SshLogin;
  /** Of the route. */
  readonly routeId: string;
  /** Of the route. */
  readonly routeName: string;
  /** IP address and port of the server. */
  readonly upstream: string;
  /** What the channel does; `name` is the command of `exec`, the name of `subsystem`, empty for a shell. */
  readonly kind: { readonly type: "shell" | "exec" | "subsystem"; readonly name: string };
  /** Its terminal; `null`: none. */
  readonly pty: PtyRequest | null;
}

/** One recording. The calls never throw and do not wait. */
export interface Recording {
  /** What the person sent. */
  input(bytes: Uint8Array): void;
  /** What the server sent; `stream` 2 is its standard error. */
  output(bytes: Uint8Array, stream?: 1 | 2): void;
  /** Another size of the terminal. */
  resize(size: Pick<PtyRequest, "columns" | "rows">): void;
  /** Set when it can no longer be written and the session must not go on; its reason is a sentence for the person. */
  readonly failed: AbortSignal;
  /** Seals it. @param exit what the session ended with; `null`: it was cut off */
  end(exit: { readonly code: number } | { readonly signal: string } | null): Promise<void>;
}
