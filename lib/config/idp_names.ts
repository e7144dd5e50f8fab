/** The identity providers that can be named, and whether `idp_provider_url` has to say where each of them is. */
export const needsProviderUrl = {
  apple: false,
  auth0: true,
  azure: false,
  cognito: true,
  github: false,
  gitlab: false,
  google: false,
  oidc: true,
  okta: true,
  onelogin: true,
  ping: true,
} as const;

/** An identity provider outside this gateway. `oidc` is any that speaks OpenID Connect. */
export type IdpName = keyof typeof needsProviderUrl;
