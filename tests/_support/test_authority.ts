import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
} from "@peculiar/x509";

const DAY_MS = 86_400_000;
const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A certificate and the key that it is for. */
export interface ClientPair {
  readonly certPem: string;
  readonly keyPem: string;
  readonly der: Uint8Array<ArrayBuffer>;
  readonly serialNumber: string;
}

/** What a certificate is to say. */
export interface IssueOptions {
  readonly commonName?: string;
  readonly names?: readonly JsonGeneralName[];
  readonly usages?: readonly string[];
  /** Default: yesterday. */
  readonly notBefore?: number;
  /** Default: in ten days. */
  readonly notAfter?: number;
}

/** An authority that issues certificates for clients. */
export class TestAuthority {
  readonly pem: string;
  readonly der: Uint8Array<ArrayBuffer>;
  readonly serialNumber: string;
  readonly #certificate: X509Certificate;
  readonly #keys: CryptoKeyPair;

  private constructor(certificate: X509Certificate, keys: CryptoKeyPair) {
    this.pem = certificate.toString("pem") + "\n";
    this.der = new Uint8Array(certificate.rawData);
    this.serialNumber = certificate.serialNumber;
    this.#certificate = certificate;
    this.#keys = keys;
  }

  /** A root. */
  static async create(commonName: string): Promise<TestAuthority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...common({}),
      name: [{ CN: [commonName] }] satisfies JsonName,
      keys,
      extensions: authorityExtensions(),
    });
    return new TestAuthority(certificate, keys);
  }

  /** Whoever has a certificate and its key, acting as an authority. */
  static async from({ der, keyPem }: ClientPair): Promise<TestAuthority> {
    const pkcs8 = PemConverter.decodeFirst(keyPem);
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, P256, true, ["sign"]);
    const certificate = new X509Certificate(der);
    return new TestAuthority(certificate, { privateKey, publicKey: await certificate.publicKey.export() });
  }

  /** Its key (PKCS#8). */
  keyPem(): Promise<string> {
    return pemOf(this.#keys.privateKey);
  }

  /** An authority below this one. */
  async intermediate(commonName: string): Promise<TestAuthority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      ...common({}),
      ...this.#issuing(),
      subject: [{ CN: [commonName] }],
      publicKey: keys.publicKey,
      extensions: authorityExtensions(),
    });
    return new TestAuthority(certificate, keys);
  }

  /** A certificate for a client. */
  async issue(options: IssueOptions): Promise<ClientPair> {
    const { commonName = "client", names = [], usages = [CLIENT_AUTH] } = options;
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      ...common(options),
      ...this.#issuing(),
      subject: [{ CN: [commonName] }],
      publicKey: keys.publicKey,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        ...(usages.length === 0 ? [] : [new ExtendedKeyUsageExtension([...usages])]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
      ],
    });
    return {
      certPem: certificate.toString("pem") + "\n",
      keyPem: await pemOf(keys.privateKey),
      der: new Uint8Array(certificate.rawData),
      serialNumber: certificate.serialNumber,
    };
  }

  /** A revocation list, as PEM text. */
  async crl(
    revoked: readonly { readonly serialNumber: string }[],
    options: { thisUpdate?: number; nextUpdate?: number } = {},
  ): Promise<string> {
    const { thisUpdate = Date.now() - DAY_MS, nextUpdate = Date.now() + DAY_MS } = options;
    const crl = await X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: new Date(thisUpdate),
      nextUpdate: new Date(nextUpdate),
      signingAlgorithm: P256,
      signingKey: this.#keys.privateKey,
      entries: revoked.map(({ serialNumber }) => ({
        serialNumber,
        revocationDate: new Date(thisUpdate),
        reason: X509CrlReason.keyCompromise,
      })),
    });
    return `-----BEGIN X509 CRL-----\n${new Uint8Array(crl.rawData).toBase64()}\n-----END X509 CRL-----\n`;
  }

  #issuing() {
    return { issuer: this.#certificate.subjectName, signingKey: this.#keys.privateKey };
  }
}

function common({ notBefore = Date.now() - DAY_MS, notAfter = Date.now() + 10 * DAY_MS }: IssueOptions) {
  const serial = crypto.getRandomValues(new Uint8Array(8));
  serial[0] = serial[0]! & 0x7f | 0x40;
  return {
    serialNumber: serial.toHex(),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: P256,
  };
}

function authorityExtensions() {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

async function pemOf(key: CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY") + "\n";
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
}
