import { isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import { abortable } from "../base/abortable.ts";
import type { GatewayAddress } from "./gateway_address.ts";
import { printable } from "./printable.ts";

/** What a gateway shows, whether it is to be believed or not, for a person to read. */
export async function describePeerCertificate(
  { host, port }: GatewayAddress,
  signal: AbortSignal,
): Promise<string> {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = connect({ host, port, ...servername, rejectUnauthorized: false });
  const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>();
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate())).on("error", reject);
  try {
    const { subject, subjectaltname, issuer, valid_to } = await abortable(promise, signal);
    const name = subjectaltname ?? nameOf(subject);
    return printable(`certificate for ${name}, issued by ${nameOf(issuer)}, valid until ${valid_to}`, 500);
  } finally {
    socket.destroy();
  }
}

function nameOf(name: PeerCertificate["subject"] | undefined): string {
  const parts = [name?.CN, name?.O].flat().filter((part) => part !== undefined);
  return parts.length === 0 ? "nobody" : parts.join(", ");
}
