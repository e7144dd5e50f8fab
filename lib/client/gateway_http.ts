import { request as nodeRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import { concatBytes } from "../base/bytes.ts";
import { certificateRefusal } from "./_certificate_refusal.ts";
import { reachError } from "./_reach_error.ts";
import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";

/** One request to an endpoint of the gateway itself. */
export interface GatewayRequest {
  /** Default `GET`. */
  readonly method?: "GET" | "POST";
  /** Path and query. */
  readonly path: string;
  /** Sent as they are. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which certificates are believed. */
  readonly trust: GatewayTrust;
  /** For the whole exchange; default 10,000. */
  readonly timeoutMs?: number;
  /** Longest body that is read; default 64 KiB. */
  readonly maxBodyBytes?: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

/** What the gateway answered. */
export interface GatewayResponse {
  /** 200 to 599. */
  readonly status: number;
  /** The body as UTF-8. */
  readonly text: string;
}

const MAX_BODY_BYTES = 64 * 1024;

/**
 * Asks the gateway something. Redirects are not followed, so that a token goes nowhere else; a body longer than
 * `maxBodyBytes` is refused.
 *
 * @throws {ClientError} `client/unreachable`, `client/tls-untrusted`, `client/timeout`, `client/cancelled`,
 *   `client/bad-response`, `client/certificate-refused`
 */
export async function askGateway(gateway: GatewayAddress, request: GatewayRequest): Promise<GatewayResponse> {
  const timeout = AbortSignal.timeout(request.timeoutMs ?? 10_000);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
  const url = gatewayOrigin(gateway) + request.path;
  try {
    if (gateway.tls && !request.trust.verify) return await askUnverified(url, { request, signal });
    return await ask(url, { request, signal });
  } catch (error) {
    const refusal = certificateRefusal(error, { gateway, trust: request.trust });
    if (refusal !== null) throw refusal;
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}

type Call = { request: GatewayRequest; signal: AbortSignal };

async function ask(url: string, { request, signal }: Call): Promise<GatewayResponse> {
  using client = Deno.createHttpClient({
    caCerts: [...request.trust.caCerts],
    ...certificateOptions(request.trust),
  });
  const { method = "GET", headers } = request;
  const response = await fetch(url, { client, method, headers: { ...headers }, signal, redirect: "manual" });
  return { status: response.status, text: await boundedText(response.body ?? [], request) };
}

/** `fetch` cannot be told to believe any certificate; Node's client can. */
async function askUnverified(url: string, { request, signal }: Call): Promise<GatewayResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { method = "GET", headers } = request;
  nodeRequest(
    url,
    {
      method,
      headers: { ...headers },
      signal,
      rejectUnauthorized: false,
      agent: false,
      ...certificateOptions(request.trust),
    },
    resolve,
  )
    .on("error", reject)
    .end();
  const response = await promise;
  return { status: response.statusCode ?? 0, text: await boundedText(response, request) };
}

function certificateOptions({ clientCertificate }: GatewayTrust): { cert: string; key: string } | undefined {
  if (!clientCertificate) return undefined;
  return { cert: clientCertificate.certPem, key: clientCertificate.keyPem };
}

async function boundedText(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxBodyBytes = MAX_BODY_BYTES }: GatewayRequest,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBodyBytes) {
      throw new ClientError(
        "client/bad-response",
        `The answer of the gateway is longer than ${maxBodyBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(concatBytes(chunks));
}
