import type { ServiceAccount, ServiceAccounts } from "../../identity/service_accounts.ts";
import type { TunnelRegistry } from "../../tunnel/registry.ts";
import { ControlError } from "./control_error.ts";

/** Adds the service account that `body` describes. @returns it, with its token. @throws {ControlError} {@link IdentityError} */
export async function createServiceAccount(
  body: Readonly<Record<string, unknown>>,
  { serviceAccounts }: { serviceAccounts: ServiceAccounts },
): Promise<ServiceAccount & { readonly token: string }> {
  const { lifetimeMs } = body;
  if (typeof lifetimeMs !== "number") throw badRequest("lifetimeMs");
  const { account, token } = await serviceAccounts.create({
    lifetimeMs,
    ...optionalText(body, "user"),
    ...optionalText(body, "email"),
    ...optionalText(body, "description"),
  });
  return { ...account, token };
}

/** Ends a service account and its tunnels. @throws {IdentityError} `identity/no-such-service-account` */
export async function revokeServiceAccount(
  id: string,
  { serviceAccounts, tunnels }: { serviceAccounts: ServiceAccounts; tunnels: TunnelRegistry },
): Promise<{ readonly revoked: string }> {
  await serviceAccounts.revoke(id);
  tunnels.endSession(id, "session-ended");
  return { revoked: id };
}

function optionalText<Name extends string>(
  body: Readonly<Record<string, unknown>>,
  name: Name,
): { [key in Name]?: string } {
  const value = body[name];
  if (value === undefined || value === null) return {};
  if (typeof value !== "string") throw badRequest(name);
  return { [name]: value } as { [key in Name]?: string };
}

function badRequest(name: string): ControlError {
  return new ControlError("control/bad-request", `The request has no good ${name}`);
}
