import { lookup } from "node:dns/promises";
import { errorMessage, SallyportError } from "../base/errors.ts";
import { parseIp } from "../base/ip.ts";
import type { Carrier, CarrierName, TunnelRequest } from "./carrier.ts";
import { ClientError, type ClientErrorCode } from "./client_error.ts";
import { carriersOf, connectCarrier } from "./connect.ts";
import { clockDifference } from "./clock_difference.ts";
import type { Destination } from "./destination.ts";
import { dialGateway } from "./dial_gateway.ts";
import { gatewayOrigin } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";
import { describePeerCertificate } from "./peer_certificate.ts";
import { fetchUser } from "./session.ts";

/** What is looked at, in this order. */
export type DoctorStep =
  | "name"
  | "tcp"
  | "tls"
  | "alpn"
  | "clock"
  | "sign-in"
  | CarrierName
  | "route"
  | "policy"
  | "upstream";

/** What came of one step. */
export interface Finding {
  /** What was looked at. */
  readonly step: DoctorStep;
  /** `warning`: it works without; `skipped`: an earlier step stands in the way. */
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What was found. */
  readonly detail: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
}

/** What is to be looked at, and with what. */
export interface DoctorOptions {
  /** `tcp` or `udp`. */
  readonly kind: "tcp" | "udp";
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** The token at hand; `null` when there is none. */
  readonly token: string | null;
  /** What this program calls itself. */
  readonly userAgent: string;
  /** Opens a tunnel over a carrier, and closes it again. */
  readonly open: (carrier: Carrier, request: TunnelRequest) => Promise<void>;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly now: () => number;
  /** For each step; default 10,000. */
  readonly stepTimeoutMs?: number;
  /** Gives up. */
  readonly signal: AbortSignal;
}

type Outcome = Omit<Finding, "step" | "durationMs">;

const STEP_TIMEOUT_MS = 10_000;
/** Signed addresses of the sign-in allow for a minute, and live for five. */
const CLOCK_WARNING_MS = 30_000;
const CLOCK_FAILURE_MS = 60_000;

/** Goes the whole way to a service, step by step, and says what it finds at each. Changes nothing, and signs nobody in. */
export async function* examine(destination: Destination, options: DoctorOptions): AsyncGenerator<Finding> {
  const examination = new Examination(destination, options);
  for (const [step, look] of examination.reach()) {
    const finding = await examination.time(step, look);
    yield finding;
    if (finding.status === "failed" && step !== "clock") return;
  }
  yield await examination.time("sign-in", () => examination.signIn());
  for (const name of carriersOf(destination.gateway)) {
    yield await examination.time(name, () => examination.connect(name));
  }
  yield* examination.go();
}

class Examination {
  readonly #destination: Destination;
  readonly #options: DoctorOptions;
  #best: CarrierName | null = null;

  constructor(destination: Destination, options: DoctorOptions) {
    this.#destination = destination;
    this.#options = options;
  }

  async time(step: DoctorStep, look: () => Promise<Outcome>): Promise<Finding> {
    const startedAt = performance.now();
    const outcome = await look().catch(failed);
    return { step, ...outcome, durationMs: Math.round(performance.now() - startedAt) };
  }

  /** The steps without which nothing further can be said. */
  reach(): [DoctorStep, () => Promise<Outcome>][] {
    const steps: [DoctorStep, () => Promise<Outcome>][] = [
      ["name", () => this.#name()],
      ["tcp", () => this.#tcp()],
    ];
    if (this.#destination.gateway.tls) steps.push(["tls", () => this.#tls()], ["alpn", () => this.#alpn()]);
    return [...steps, ["clock", () => this.#clock()]];
  }

  async signIn(): Promise<Outcome> {
    const { token, trust } = this.#options;
    const { gateway } = this.#destination;
    const hint = this.#loginHint;
    if (token === null) {
      return {
        status: "warning",
        detail: "you are not signed in; a route that is open to all needs no sign-in",
        hint,
      };
    }
    const claims = await fetchUser(gateway, { token, trust, signal: this.#signal() });
    if (claims === null) {
      return { status: "failed", detail: "the gateway does not know the token any more", hint };
    }
    const { email, sub } = claims;
    return ok(`you are ${typeof email === "string" && email !== "" ? email : String(sub)}`);
  }

  async connect(name: CarrierName): Promise<Outcome> {
    const { trust, kind } = this.#options;
    const { gateway } = this.#destination;
    try {
      const carrier = await connectCarrier(name, { gateway, trust, signal: this.#signal() });
      carrier.close();
      if (kind === "udp" && !carrier.carriesUdp) {
        return { status: "warning", detail: "it takes no UDP this way" };
      }
      this.#best ??= name;
      return ok(name === "h1" ? "it works with every gateway" : "connected");
    } catch (error) {
      return { ...failed(error), status: "warning" };
    }
  }

  /** Asks for the service itself: what the gateway answers tells how far that went. */
  async *go(): AsyncGenerator<Finding> {
    const steps = ["route", "policy", "upstream"] as const;
    const startedAt = performance.now();
    const found = await this.#open().then(
      () => ({ reached: steps.length, outcome: null }),
      (error) => ({ reached: reachedWith(error), outcome: this.#failedToOpen(error) }),
    );
    const durationMs = Math.round(performance.now() - startedAt);
    for (const [index, step] of steps.entries()) {
      if (index === found.reached) yield { step, ...found.outcome!, durationMs };
      else if (index > found.reached) yield { step, status: "skipped", detail: "not reached", durationMs: 0 };
      else yield { step, ...ok(this.#reachedText(step)), durationMs: step === "upstream" ? durationMs : 0 };
    }
  }

  #failedToOpen(error: unknown): Outcome {
    const outcome = failed(error);
    const asksForSignIn = error instanceof ClientError && error.code === "client/login-required";
    return asksForSignIn ? { ...outcome, hint: this.#loginHint } : outcome;
  }

  get #loginHint(): string {
    return `sallyport login ${gatewayOrigin(this.#destination.gateway)}`;
  }

  async #name(): Promise<Outcome> {
    const { host } = this.#destination.gateway;
    if (parseIp(host) !== null) return ok(`${host} is an address`);
    const addresses = await lookup(host, { all: true }).catch((cause) => {
      throw new ClientError("client/unreachable", `${host} does not resolve: ${errorMessage(cause)}`, {
        hint: "compare the name with that of the gateway, or name it with --gateway-url https://host[:port]",
      });
    });
    return ok(`${host} is ${addresses.map(({ address }) => address).join(", ")}`);
  }

  async #tcp(): Promise<Outcome> {
    const { host, port } = this.#destination.gateway;
    try {
      (await Deno.connect({ hostname: host, port, signal: this.#signal() })).close();
      return ok(`port ${port} answers`);
    } catch (error) {
      const detail = `port ${port} does not answer: ${errorMessage(error)}`;
      return {
        status: "failed",
        detail,
        hint: "look for a firewall, and whether the gateway listens on this port",
      };
    }
  }

  async #tls(): Promise<Outcome> {
    const { gateway } = this.#destination;
    const { trust } = this.#options;
    const certificate = await describePeerCertificate(gateway, this.#signal()).catch(() => "");
    try {
      (await dialGateway(gateway, { trust, signal: this.#signal() })).stream.close();
      if (trust.verify) return ok(certificate);
      return {
        status: "warning",
        detail: `${certificate}; not verified, as --disable-tls-verification says`,
      };
    } catch (error) {
      const outcome = failed(error);
      return { ...outcome, detail: [outcome.detail, certificate].filter(Boolean).join("; it shows ") };
    }
  }

  async #alpn(): Promise<Outcome> {
    const { gateway } = this.#destination;
    const { trust } = this.#options;
    const signal = this.#signal();
    const { stream, alpn } = await dialGateway(gateway, { trust, signal, alpn: ["h2", "http/1.1"] });
    stream.close();
    return alpn === null
      ? { status: "warning", detail: "the gateway agrees on no protocol; something in between may end TLS" }
      : ok(alpn);
  }

  async #clock(): Promise<Outcome> {
    const { gateway } = this.#destination;
    const { trust, now } = this.#options;
    const ms = await clockDifference(gateway, { trust, signal: this.#signal(), now });
    if (ms === null) return { status: "warning", detail: "the gateway does not tell the time" };
    const seconds = Math.round(Math.abs(ms) / 1000);
    if (Math.abs(ms) < CLOCK_WARNING_MS) return ok(`within ${Math.max(1, seconds)} s of the gateway's`);
    const detail = `${seconds} s ${ms > 0 ? "behind" : "ahead of"} the gateway's`;
    const status = Math.abs(ms) < CLOCK_FAILURE_MS ? "warning" : "failed";
    return { status, detail, hint: "set the clock of this machine, or of the gateway" };
  }

  async #open(): Promise<void> {
    const { gateway } = this.#destination;
    const { trust, token, userAgent, open } = this.#options;
    const signal = this.#signal();
    if (this.#best === null) throw new ClientError("client/no-carrier", "no carrier works");
    const carrier = await connectCarrier(this.#best, { gateway, trust, signal });
    try {
      await open(carrier, { token, userAgent, signal });
    } finally {
      carrier.close();
    }
  }

  #reachedText(step: "route" | "policy" | "upstream"): string {
    if (step === "route") return `there is one for ${this.#destination.authority}`;
    if (step === "policy") return "it lets you in";
    return this.#options.kind === "tcp"
      ? "the service answers"
      : "the gateway sends there; whether anybody listens, UDP does not tell";
  }

  #signal(): AbortSignal {
    const { signal, stepTimeoutMs = STEP_TIMEOUT_MS } = this.#options;
    return AbortSignal.any([signal, AbortSignal.timeout(stepTimeoutMs)]);
  }
}

/** How many of route, policy and upstream an answer has passed. */
function reachedWith(error: unknown): number {
  const passed: Partial<Record<ClientErrorCode, number>> = {
    "client/login-required": 1,
    "client/denied": 1,
    "client/unavailable": 2,
  };
  return error instanceof ClientError ? passed[error.code] ?? 0 : 0;
}

function ok(detail: string): Outcome {
  return { status: "ok", detail };
}

function failed(error: unknown): Outcome {
  const hint = error instanceof SallyportError ? error.hint : undefined;
  return { status: "failed", detail: errorMessage(error), hint };
}
