import { decodeBase64, encodeBase64Url } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import { RouteTable } from "../config/route_table.ts";
import { Assertions } from "../identity/assertion.ts";
import { CallbackCodes } from "../identity/callback_code.ts";
import { ClientCertificates } from "../identity/client_certificates.ts";
import { deriveKeys, generateSigningKeyPem, type IdentityKeys, publicJwks } from "../identity/keys.ts";
import type { OcspClient } from "../identity/ocsp_client.ts";
import { OidcProvider } from "../identity/oidc_provider.ts";
import { ProviderStates } from "../identity/provider_state.ts";
import { SessionTokens } from "../identity/session_token.ts";
import type { ClientCertificateChoice } from "../listen/certificate_choice.ts";
import type { HttpServices } from "../http/services.ts";
import type { ServerCertificates } from "../pki/server_certificates.ts";
import type { Store } from "../store/store.ts";
import { gatewayCertificates } from "./certificates.ts";
import { clientCertificateChoice } from "./client_certificate_choice.ts";
import { type SshKeys, sshKeysOf } from "./ssh_keys.ts";
import type { StateDirectory } from "./state_directory.ts";

/** One configuration and all that is made of it. Never changed; a reload puts another in its place. */
export interface Serving {
  /** 1 for the first, then one more at each change. */
  readonly revision: number;
  /** What was read. */
  readonly config: Config;
  /** Its routes, to be found. */
  readonly routes: RouteTable;
  /** Its certificates, or those of the development authority. */
  readonly certificates: ServerCertificates;
  /** Certificate that clients must trust; `null` when certificates are configured. */
  readonly authorityFile: string | null;
  /** Derived from the shared secret. */
  readonly keys: IdentityKeys;
  /** Session tokens under these keys. */
  readonly tokens: SessionTokens;
  /** Callback codes under these keys. */
  readonly codes: CallbackCodes;
  /** Who vouches for people; `null` when this gateway does so itself. */
  readonly provider: OidcProvider | null;
  /** The same and the clients of routes, see {@link HttpServices}. */
  readonly providers: ReadonlyMap<string, OidcProvider>;
  /** Sign-ins that are on their way through that provider. */
  readonly providerStates: ProviderStates;
  /** Judges the certificates of callers. */
  readonly clientCertificates: ClientCertificates;
  /** Asks whether they were revoked; goes on from one configuration to the next. */
  readonly ocsp: OcspClient;
  /** Which callers are asked for one in the TLS handshake; `null`: none, and only then can HTTP/3 be offered, which cannot ask. */
  readonly clientCertificateChoice: ClientCertificateChoice | null;
  /** Of the SSH server; `null` when SSH is not served. */
  readonly sshKeys: SshKeys | null;
  /** Public part of the key for assertions. */
  readonly jwks: HttpServices["jwks"];
  /** Signs with that key. */
  readonly assertions: Assertions;
}

/** What stays when the configuration changes. */
export interface ServingParts {
  /** Where keys and development certificates are kept. */
  readonly state: StateDirectory;
  /** Where used codes are kept. */
  readonly store: Store;
  /** For certificates, tokens and codes. */
  readonly clock: Clock;
  /** For codes and the first shared secret. */
  readonly random: Random;
  /** Asks whether certificates of callers were revoked. */
  readonly ocsp: OcspClient;
}

/**
 * Makes of a configuration all that serving needs. What fails here fails before anything is changed.
 *
 * @throws {SallyportError} `pki/…`, `gateway/…`, `identity/bad-signing-key`
 */
export async function buildServing(
  config: Config,
  { state, store, clock, random, ocsp, revision }: ServingParts & { revision: number },
): Promise<Serving> {
  const certificates = await gatewayCertificates(config, { state, now: clock.now() });
  const keys = await deriveKeys(config.sharedSecret ?? await storedSecret(state, random));
  const signingKeyPem = config.signingKeyPem ??
    await state.readOrMake("signing-key.pem", generateSigningKeyPem);
  const providers = providersOf(config, clock);
  const clientCertificates = new ClientCertificates(config.downstreamMtls, { clock, ocsp });
  return {
    revision,
    config,
    routes: new RouteTable(config.routes),
    ...certificates,
    keys,
    tokens: new SessionTokens({ key: keys.sessionToken, clock }),
    codes: new CallbackCodes({ key: keys.callback, store, clock, random }),
    provider: providers[0] ?? null,
    providers: new Map(providers.map((provider) => [provider.id, provider])),
    clientCertificates,
    ocsp,
    clientCertificateChoice: clientCertificateChoice(config, clientCertificates),
    sshKeys: await sshKeysOf(config, state),
    providerStates: new ProviderStates({ keys, store, clock, random }),
    jwks: await publicJwks(signingKeyPem),
    assertions: await Assertions.create({ signingKeyPem, clock }),
  };
}

/** The client of the top level, and then those of routes. */
function providersOf(config: Config, clock: Clock): readonly OidcProvider[] {
  const { idpProvider: name, idp, certificateAuthorityPem: authorityPem, routes } = config;
  if (name === "local" || idp === null) return [];
  const clients = new Map(
    routes.flatMap(({ idpClient: client }) => client ? [[client.clientId, client]] : []),
  );
  const ofRoutes = [...clients.values()].map(({ clientId, clientSecret }) => {
    const settings = { ...idp, clientId, clientSecret: clientSecret ?? idp.clientSecret };
    return new OidcProvider({ name, settings, isRouteClient: true, authorityPem, clock });
  });
  return [new OidcProvider({ name, settings: idp, authorityPem, clock }), ...ofRoutes];
}

async function storedSecret(state: StateDirectory, random: Random): Promise<Uint8Array<ArrayBuffer>> {
  const make = () => Promise.resolve(encodeBase64Url(random.bytes(32)) + "\n");
  return decodeBase64((await state.readOrMake("shared-secret", make)).trim()) ?? new Uint8Array();
}
