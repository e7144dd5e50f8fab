import { Duplex } from "node:stream";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { abortable } from "../base/abortable.ts";
import type { ByteStream } from "../base/byte_stream.ts";
import { denoStream } from "../base/deno_stream.ts";
import { CertificateRequestDecoder, type CertificateWish } from "../codec/certificate_request.ts";
import { CodecError } from "../codec/codec_error.ts";
import type { DistinguishedName } from "../pki/distinguished_name.ts";
import { parseDistinguishedName } from "../pki/name_attributes.ts";
import { PkiError } from "../pki/pki_error.ts";
import { reachError } from "./_reach_error.ts";
import type { GatewayAddress } from "./gateway_address.ts";

/** What a gateway says about the certificates it wants. Nothing proves that the gateway has said it. */
export interface AdvertisedAuthorities {
  /** Whether it asks for a certificate. */
  readonly isAsked: boolean;
  /** The names of the authorities it accepts; empty when it names none. Those that cannot be read are left out. */
  readonly names: readonly DistinguishedName[];
}

const MAX_NAMES = 1000;

/**
 * Asks a gateway which certificates it wants. The platform's TLS does not tell, and TLS 1.3 says it encrypted; so this is a
 * handshake of its own, with TLS 1.2 at most, that ends when the gateway has said it (RFC 5246 section 7.4.4).
 *
 * @returns `null` when the gateway does not tell: it has no TLS, or insists on TLS 1.3
 * @throws {ClientError} `client/unreachable`, `client/timeout`, `client/cancelled`
 */
export async function askAuthorities(
  gateway: GatewayAddress,
  { signal }: { signal: AbortSignal },
): Promise<AdvertisedAuthorities | null> {
  if (!gateway.tls) return null;
  try {
    const wish = await abortable(probe(gateway, signal), signal);
    return wish && { isAsked: wish.isAsked, names: wish.authorities.slice(0, MAX_NAMES).flatMap(readable) };
  } catch (error) {
    if (!signal.aborted && error instanceof CodecError) return null;
    throw reachError(signal.aborted ? signal.reason : error, gateway);
  }
}

function readable(der: Uint8Array<ArrayBuffer>): DistinguishedName[] {
  try {
    return [parseDistinguishedName(der)];
  } catch (error) {
    if (error instanceof PkiError) return [];
    throw error;
  }
}

async function probe({ host, port }: GatewayAddress, signal: AbortSignal): Promise<CertificateWish | null> {
  const stream = denoStream(await Deno.connect({ hostname: host, port, signal }));
  const onAbort = () => stream.close();
  signal.addEventListener("abort", onAbort, { once: true });
  const socket = connect({
    socket: helloSender(stream),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ["http/1.1"],
    maxVersion: "TLSv1.2",
    rejectUnauthorized: false,
  });
  socket.on("error", () => {});
  try {
    return await readWish(stream);
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
    stream.close();
  }
}

/** What the platform's TLS writes its ClientHello to. It never hears an answer. */
function helloSender(stream: ByteStream): Duplex {
  return new Duplex({
    read() {},
    write(bytes: Uint8Array, _encoding, done) {
      stream.write(bytes).then(() => done(), done);
    },
  });
}

async function readWish(stream: ByteStream): Promise<CertificateWish | null> {
  const decoder = new CertificateRequestDecoder();
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) return null;
    const wish = decoder.push(buffer.subarray(0, count));
    if (wish !== null) return wish;
  }
}
