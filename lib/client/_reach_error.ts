import { errorMessage } from "../base/errors.ts";
import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";

/** Turns what the platform throws while a gateway is dialled or asked into a {@link ClientError}. */
export function reachError(cause: unknown, gateway: GatewayAddress): ClientError {
  const known = clientErrorIn(cause);
  if (known !== null) return known;
  const where = `Cannot reach the gateway ${gatewayOrigin(gateway)}`;
  const text = wholeMessage(cause);
  const name = cause instanceof Error ? cause.name : "";
  if (name === "TimeoutError" || /timed? ?out/i.test(text)) {
    return new ClientError("client/timeout", `${where}: no answer in time`, { cause });
  }
  if (name === "AbortError") return new ClientError("client/cancelled", `${where}: cancelled`, { cause });
  if (/not valid for name/i.test(text)) {
    return new ClientError("client/tls-untrusted", `${where}: its certificate is for another name`, {
      cause,
      hint: "reach it by a name that its certificate holds; --gateway-url sets the gateway",
    });
  }
  if (/certificate/i.test(text)) {
    return new ClientError("client/tls-untrusted", `${where}: its certificate is not trusted`, {
      cause,
      hint: "name the file of its certificate authority with --alternate-ca-path",
    });
  }
  return new ClientError("client/unreachable", `${where}: ${reasonOf(text)}`, { cause, hint: hintOf(text) });
}

/** The error itself, or what caused it: a connection that ends says of each stream why. */
function clientErrorIn(error: unknown): ClientError | null {
  if (error instanceof ClientError) return error;
  return error instanceof Error ? clientErrorIn(error.cause) : null;
}

/** The message of an error and of what caused it: the platform puts the interesting part into `cause` at times. */
export function wholeMessage(error: unknown): string {
  const inner = error instanceof Error && error.cause !== undefined ? `: ${wholeMessage(error.cause)}` : "";
  return errorMessage(error) + inner;
}

function reasonOf(text: string): string {
  if (/refused/i.test(text)) return "connection refused";
  if (/lookup|dns|ENOTFOUND|Name or service/i.test(text)) return "its name does not resolve";
  if (/corrupt message|InvalidContentType|wrong version/i.test(text)) {
    return "it does not speak TLS on this port";
  }
  return text;
}

function hintOf(text: string): string | undefined {
  if (/lookup|dns|ENOTFOUND|Name or service/i.test(text)) {
    return "name the gateway itself with --gateway-url https://host[:port]";
  }
  return undefined;
}
