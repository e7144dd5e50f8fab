import type { ByteStream } from "../base/byte_stream.ts";
import { wholeMessage } from "./_reach_error.ts";
import { ClientError } from "./client_error.ts";
import { type GatewayAddress, gatewayOrigin } from "./gateway_address.ts";
import type { GatewayTrust } from "./gateway_trust.ts";

/** Who refuses whom. */
export interface RefusalContext {
  /** The one that refuses. */
  readonly gateway: GatewayAddress;
  /** What was shown to it. */
  readonly trust: GatewayTrust;
}

/** Alerts (RFC 8446 section 6.2) that say something of the certificate of the client, as the platform spells them. */
const ALERT =
  /fatal alert: (CertificateRequired|BadCertificate|UnsupportedCertificate|CertificateRevoked|CertificateExpired|CertificateUnknown|UnknownCA|AccessDenied|HandshakeFailure|DecryptError)/i;

const REASONS: Readonly<Record<string, string>> = {
  certificaterequired: "it requires one",
  unsupportedcertificate: "it does not support its kind",
  certificaterevoked: "it is revoked",
  certificateexpired: "it has expired, or is not valid yet",
  unknownca: "the gateway does not trust its issuer",
};

/** The error of a gateway that refuses the certificate it was shown, or the lack of one; `null` of any other cause. */
export function certificateRefusal(cause: unknown, { gateway, trust }: RefusalContext): ClientError | null {
  if (cause instanceof ClientError) return null;
  const alert = ALERT.exec(wholeMessage(cause))?.[1]?.toLowerCase();
  if (alert === undefined) return null;
  const { clientCertificate = null } = trust;
  // Before TLS 1.3 it can mean anything; somebody who has shown nothing is told what it mostly means.
  if (alert === "handshakefailure" && clientCertificate !== null) return null;
  const origin = gatewayOrigin(gateway);
  const reason = REASONS[alert];
  if (clientCertificate === null) {
    return new ClientError("client/certificate-refused", `The gateway ${origin} wants a client certificate`, {
      cause,
      hint: "show one with --client-cert or --client-cert-from-store; " +
        `sallyport certs explain ${origin} lists those you have`,
    });
  }
  const why = reason === undefined ? "" : `: ${reason}`;
  return new ClientError(
    "client/certificate-refused",
    `The gateway ${origin} refuses the certificate ${clientCertificate.name}${why}`,
    { cause, hint: `sallyport certs explain ${origin} shows which authorities the gateway accepts` },
  );
}

/** The same stream, whose failures say so when they are such a refusal: with TLS 1.3 it comes after the handshake. */
export function withRefusalNamed(stream: ByteStream, context: RefusalContext): ByteStream {
  const fail = (cause: unknown): never => {
    throw certificateRefusal(cause, context) ?? cause;
  };
  return {
    read: (into) => stream.read(into).catch(fail),
    write: (bytes) => stream.write(bytes).catch(fail),
    closeWrite: () => stream.closeWrite().catch(fail),
    close: () => stream.close(),
  };
}
