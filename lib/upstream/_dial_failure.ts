import { errorMessage } from "../base/errors.ts";
import type { Upstream } from "../config/config.ts";
import { DialError, type DialErrorCode } from "./dial_error.ts";

/** What `node:tls` calls a certificate that it does not believe. */
const UNTRUSTED =
  /invalid peer certificate|^(UNABLE_TO_|CERT_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;
/** An alert (RFC 8446 section 6) that says no to us. */
const ALERT = /fatal alert|ALERT/;
const TLS = /^ERR_(SSL|TLS)_|\bTLS\b|\bSSL\b|corrupt message|InvalidContentType|peer (is|sent)/i;

/** Turns what the platform throws while a service is reached, or read from, into a {@link DialError}. */
export function dialErrorOf(
  cause: unknown,
  at: { upstream: Upstream; address: string; signal: AbortSignal },
): DialError {
  if (cause instanceof DialError) return cause;
  const [code, found] = describe(cause, at.signal);
  return new DialError(code, `Cannot reach ${at.upstream.url} at ${at.address}: ${found}`, {
    cause,
    address: at.address,
  });
}

/** Whether an error is an alert of TLS from the other end, such as one that misses a certificate. */
export function isTlsAlert(error: unknown): boolean {
  return ALERT.test(textOf(error));
}

function describe(cause: unknown, signal: AbortSignal): [DialErrorCode, string] {
  if (signal.aborted || cause instanceof Deno.errors.TimedOut) return ["dial/timeout", "no answer in time"];
  if (cause instanceof Deno.errors.ConnectionRefused) return ["dial/refused", "connection refused"];
  const message = errorMessage(cause);
  const text = textOf(cause);
  if (/unreachable/i.test(text)) return ["dial/unreachable", "no route to the host"];
  if (UNTRUSTED.test(text)) return ["dial/tls-untrusted", message];
  if (ALERT.test(text)) return ["dial/tls-refused", message];
  if (TLS.test(text)) return ["dial/tls-failed", message];
  return ["dial/failed", message];
}

/** Its code first, if it has one, then its name and message. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? `${error.code} ` : "";
  return `${code}${error.name === "Error" ? "" : `${error.name} `}${error.message}`;
}
