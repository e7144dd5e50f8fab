import tls from "node:tls";
import type { ClientCertificateRequest, ServerKeyPair } from "./certificate_choice.ts";

/** What the platform makes of a certificate and of the authorities that a client is told: once, for all their clients. */
export class AskingContexts {
  readonly #contexts = new WeakMap<ClientCertificateRequest, Map<ServerKeyPair, tls.SecureContext>>();

  /** The context of a request, for clients that are shown `pair`. */
  get(request: ClientCertificateRequest, pair: ServerKeyPair): tls.SecureContext {
    const ofRequest = this.#contexts.get(request) ?? new Map<ServerKeyPair, tls.SecureContext>();
    this.#contexts.set(request, ofRequest);
    const known = ofRequest.get(pair);
    if (known !== undefined) return known;
    const { certPem: cert, keyPem: key } = pair;
    const context = tls.createSecureContext({ cert, key, ca: [...request.authoritiesPem] });
    ofRequest.set(pair, context);
    return context;
  }
}
