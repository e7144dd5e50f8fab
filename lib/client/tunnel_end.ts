import type { GatewayAddress } from "./gateway_address.ts";
import { askGateway, type GatewayRequest } from "./gateway_http.ts";
import type { Tunnel } from "./carrier.ts";
import { printable } from "./printable.ts";

/** Which tunnel it was, and how to ask. */
export type TunnelEndQuery =
  & Pick<Tunnel, "requestId" | "token">
  & Pick<GatewayRequest, "trust" | "signal">
  & {
    /** For the whole question; default 5,000. */
    readonly timeoutMs?: number;
  };

/**
 * Asks the gateway why a tunnel ended.
 *
 * @returns half a sentence for the person, safe for a terminal; `null` when there is nothing to tell, the gateway does
 *   not know, or cannot be asked. Never rejects
 */
export async function askWhyEnded(gateway: GatewayAddress, query: TunnelEndQuery): Promise<string | null> {
  const { requestId, token, ...rest } = query;
  if (requestId === null) return null;
  const headers: Record<string, string> = { accept: "application/json" };
  if (token !== null) headers["authorization"] = `Pomerium ${token}`;
  const path = `/.pomerium/api/v1/tunnels/${encodeURIComponent(requestId)}`;
  try {
    const { status, text } = await askGateway(gateway, { timeoutMs: 5000, ...rest, path, headers });
    if (status === 401 && token !== null) return "your session has ended";
    return status === 200 ? told(JSON.parse(text)) : null;
  } catch {
    // It is a courtesy: whatever keeps the gateway from answering must not hide that the tunnel is gone.
    return null;
  }
}

function told(answer: { readonly sentence?: unknown; readonly detail?: unknown } | null): string | null {
  const [sentence, detail] = [textOf(answer?.sentence), textOf(answer?.detail)];
  return sentence === null || detail === null ? sentence : `${sentence} (${detail})`;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? printable(value) : null;
}
