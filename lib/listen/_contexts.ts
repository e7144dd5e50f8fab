import type { Native } from "./_native.ts";
import type { CertificateChoice, ClientCertificateRequest, ServerKeyPair } from "./certificate_choice.ts";

/** What the platform makes of certificates and of what clients are asked for: once, for all clients. */
export class Contexts {
  readonly #native: Native;
  readonly #choice: CertificateChoice;
  readonly #pairs: ReadonlyMap<ServerKeyPair, object>;
  readonly #asking = new WeakMap<ClientCertificateRequest, Map<ServerKeyPair, object>>();

  /** Looks at all certificates of a choice. @throws {ListenError} `listen/bad-certificate` */
  constructor(native: Native, choice: CertificateChoice) {
    if (choice.certificates.length === 0) {
      throw new TypeError("Cannot accept TLS as there is no certificate");
    }
    this.#native = native;
    this.#choice = choice;
    const make = ({ certPem, keyPem }: ServerKeyPair) =>
      native.context({ certPem, keyPem, askFor: null, isRequired: false });
    this.#pairs = new Map(choice.certificates.map(({ pair }) => [pair, make(pair)]));
  }

  /**
   * What to use for a client.
   *
   * @param serverName as the client sent it; empty when it sent none
   * @throws {TypeError} when a certificate was chosen that was not announced; what choosing throws
   */
  of(serverName: string): { readonly context: object; readonly request: ClientCertificateRequest | null } {
    const { certificates, clientCertificates } = this.#choice;
    const pair = certificates.length === 1 ? certificates[0]!.pair : this.#choice.select(serverName);
    const context = this.#pairs.get(pair);
    if (context === undefined) throw new TypeError("Cannot use a certificate that was not announced");
    const request = clientCertificates?.request(serverName) ?? null;
    return { context: request === null ? context : this.#askingContext(pair, request), request };
  }

  #askingContext(pair: ServerKeyPair, request: ClientCertificateRequest): object {
    const ofRequest = this.#asking.get(request) ?? new Map<ServerKeyPair, object>();
    this.#asking.set(request, ofRequest);
    const known = ofRequest.get(pair);
    if (known !== undefined) return known;
    const { certPem, keyPem } = pair;
    const { authoritiesPem: askFor, admission } = request;
    const context = this.#native.context({ certPem, keyPem, askFor, isRequired: admission !== null });
    ofRequest.set(pair, context);
    return context;
  }
}
