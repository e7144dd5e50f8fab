import { utf8 } from "../../base/bytes.ts";
import { encodeProxyV1, encodeProxyV2, PP2_TYPE } from "../../codec/proxy_protocol.ts";
import type { Route } from "../../config/config.ts";
import type { SshWanted } from "../authorize.ts";
import type { SshLogin } from "../handlers.ts";
import type { SshRouteServices } from "./services.ts";

/**
 * What the service of a TCP route is told before the first byte, if the route says so. Ports, and the address of the gateway,
 * are those of a channel: none.
 *
 * @returns the PROXY header; `null` when the route sends none
 * @throws {CodecError} `codec/too-large`: the assertion does not fit
 */
export async function proxyHeaderFor(
  login: SshLogin,
  { wanted, route, services }: {
    wanted: SshWanted;
    route: Route;
    services: Pick<SshRouteServices, "assertions" | "config">;
  },
): Promise<Uint8Array | null> {
  if (route.sendProxyProtocol === null) return null;
  const endpoints = {
    source: { address: login.ip, port: 0 },
    destination: { address: login.ip.includes(":") ? "::" : "0.0.0.0", port: 0 },
  };
  if (route.sendProxyProtocol === 1) return encodeProxyV1(endpoints);
  const assertion = await services.assertions.sign(login.caller.session, {
    host: wanted.target.host,
    issuerFormat: route.jwtIssuerFormat,
    claims: Object.values(services.config.jwtClaimsHeaders),
  });
  return encodeProxyV2(endpoints, [
    { type: PP2_TYPE.uniqueId, value: utf8(wanted.id ?? login.connectionId) },
    { type: PP2_TYPE.assertion, value: utf8(assertion) },
  ]);
}
