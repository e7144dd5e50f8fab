import type { IdpName } from "../config/idp_names.ts";

/** In what one kind of identity provider differs from the others. */
export interface ProviderRow {
  /** Its issuer; `null`: each customer has one, which `idp_provider_url` names. */
  readonly url: string | null;
  /** What is asked for unless `idp_scopes` says otherwise. */
  readonly scopes: readonly string[];
  /** Further parameters of the authorization request; `idp_request_params` goes over them. */
  readonly requestParams: Readonly<Record<string, string>>;
  /** How the gateway names itself at the token endpoint (RFC 6749 section 2.3.1) when the provider takes both. */
  readonly clientAuth: "basic" | "post";
  /** `oauth`: no ID token, the person is asked for at addresses of its own. */
  readonly protocol: "openid" | "oauth";
  /**
   * Whether an e-mail address counts that comes without `email_verified`, because the provider sends no such claim and
   * its addresses are given by whoever runs the directory.
   */
  readonly trustsUnmarkedEmail: boolean;
}

const OFFLINE = ["openid", "profile", "email", "offline_access"];
/** For those that refuse the scope `offline_access`. */
const ONLINE = ["openid", "profile", "email"];

const OPENID = {
  url: null,
  scopes: OFFLINE,
  requestParams: {},
  clientAuth: "basic",
  protocol: "openid",
  trustsUnmarkedEmail: false,
} satisfies ProviderRow;

/** Every kind of identity provider, by the name it has in `idp_provider`. */
export const providers: Readonly<Record<IdpName, ProviderRow>> = {
  // Apple sends its answer by POST as soon as name or email is asked for, and has no userinfo endpoint.
  apple: {
    ...OPENID,
    url: "https://appleid.apple.com",
    scopes: ["openid", "name", "email"],
    requestParams: { response_mode: "form_post" },
    clientAuth: "post",
  },
  auth0: { ...OPENID, clientAuth: "post" },
  azure: {
    ...OPENID,
    url: "https://login.microsoftonline.com/common/v2.0",
    requestParams: { prompt: "select_account" },
    clientAuth: "post",
  },
  cognito: { ...OPENID, scopes: ONLINE },
  github: {
    ...OPENID,
    url: "https://github.com",
    scopes: ["read:user", "user:email"],
    clientAuth: "post",
    protocol: "oauth",
  },
  gitlab: { ...OPENID, url: "https://gitlab.com", scopes: ONLINE },
  // A refresh token comes with access_type, and only at a consent.
  google: {
    ...OPENID,
    url: "https://accounts.google.com",
    scopes: ONLINE,
    requestParams: { access_type: "offline", prompt: "consent" },
    clientAuth: "post",
  },
  oidc: OPENID,
  okta: OPENID,
  onelogin: { ...OPENID, scopes: [...OFFLINE, "groups"], trustsUnmarkedEmail: true },
  ping: { ...OPENID, trustsUnmarkedEmail: true },
};

/** The tenants of Azure whose members come from anywhere: their administrators can write any e-mail address. */
const AZURE_FOR_ANYONE = /^https:\/\/[^/]+\/+(?:common|organizations|consumers)(?:\/|$)/i;

/** Whether an e-mail address from the provider at `url` counts without `email_verified`. */
export function trustsUnmarkedEmail(name: IdpName, url: string): boolean {
  return name === "azure" ? !AZURE_FOR_ANYONE.test(url) : providers[name].trustsUnmarkedEmail;
}
