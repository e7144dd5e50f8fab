import type { Context } from "hono";
import type { Authority } from "../base/authority.ts";
import { utf8 } from "../base/bytes.ts";
import { encodeProxyV1, encodeProxyV2, PP2_TYPE, type ProxyTlv } from "../codec/proxy_protocol.ts";
import type { Route } from "../config/config.ts";
import type { Caller } from "../identity/resolve_caller.ts";
import type { HttpEnv } from "./env.ts";
import type { HttpServices } from "./services.ts";

/**
 * What a service is told before the first byte of a tunnel, if its route says so: where the caller comes from, and with
 * version 2 the id of the request and, about a caller who is signed in, a signed assertion.
 *
 * @returns the PROXY header; `null` when the route sends none
 * @throws {CodecError} `codec/too-large`: the assertion does not fit
 */
export async function proxyHeader(
  c: Context<HttpEnv>,
  services: HttpServices,
  { route, caller, target }: { route: Route; caller: Caller; target: Authority },
): Promise<Uint8Array | null> {
  if (route.sendProxyProtocol === null) return null;
  const { peer, localAddress, localPort } = c.env.connection;
  const endpoints = {
    source: { address: c.get("ip"), port: peer.port },
    destination: { address: localAddress, port: localPort },
  };
  if (route.sendProxyProtocol === 1) return encodeProxyV1(endpoints);
  const tlvs: ProxyTlv[] = [{ type: PP2_TYPE.uniqueId, value: utf8(c.get("requestId")) }];
  if (caller.kind === "session") {
    const assertion = await services.assertions.sign(caller.session, {
      host: target.host,
      issuerFormat: route.jwtIssuerFormat,
      claims: Object.values(services.config.jwtClaimsHeaders),
    });
    tlvs.push({ type: PP2_TYPE.assertion, value: utf8(assertion) });
  }
  return encodeProxyV2(endpoints, tlvs);
}
