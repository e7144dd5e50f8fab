import { errorMessage } from "../base/errors.ts";
import { browserCall } from "../client/browser.ts";
import { type GatewayAddress, gatewayOrigin } from "../client/gateway_address.ts";
import type { GatewayTrust } from "../client/gateway_trust.ts";
import { signIn } from "../client/sign_in.ts";
import { openTokenCache, type TokenCache, tokenCacheDirectory } from "../client/token_cache.ts";
import { fixedTokenSource, personTokenSource, type TokenSource } from "../client/token_source.ts";
import type { Log } from "../observe/log.ts";
import type { CliIo } from "./command.ts";
import { readServiceAccount } from "./gateway_options.ts";
import type { ParsedArgs } from "./options.ts";

/** What signing in from a command needs. */
export interface AccessContext {
  /** Of a command that has the options named below. */
  readonly args: ParsedArgs;
  /** The process. */
  readonly io: CliIo;
  /** Which certificates of the gateway are believed. */
  readonly trust: GatewayTrust;
  /** Gives up a sign-in. */
  readonly signal: AbortSignal;
}

/** The token that a command with `browserOptions` and `serviceAccountOptions` is to use. */
export async function openTokens(gateway: GatewayAddress, context: AccessContext): Promise<TokenSource> {
  const { args, io } = context;
  const account = await readServiceAccount(args, io);
  if (account !== null) return fixedTokenSource(account);
  return personTokenSource({
    gateway,
    cache: await openCache(io),
    now: () => io.now(),
    signIn: () => askPerson(gateway, context),
  });
}

/** Signs the person in with the browser, for a command with `browserOptions`. @returns the new token, not yet kept */
export function askPerson(
  gateway: GatewayAddress,
  { args, io, trust, signal }: AccessContext,
): Promise<string> {
  return signIn(gateway, {
    trust,
    random: io.random,
    now: () => io.now(),
    showUrl: (url) => showSignInUrl(url, { args, io, gateway }),
    signal,
  });
}

/** The tokens of this person on this machine. */
export async function openCache(io: CliIo): Promise<TokenCache> {
  return await openTokenCache(tokenCacheDirectory((name) => io.env(name), io.os), terminalLog(io));
}

/** A log for a person: warnings and errors only. */
function terminalLog(io: CliIo): Log {
  const quiet = () => {};
  return {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: (message) => io.stderr(`warning: ${message}\n`),
    error: (message) => io.stderr(`error: ${message}\n`),
  };
}

async function showSignInUrl(
  url: string,
  { args, io, gateway }: { args: ParsedArgs; io: CliIo; gateway: GatewayAddress },
): Promise<void> {
  if (args.has("no-browser")) {
    io.stderr(`To sign in to ${gatewayOrigin(gateway)}, open:\n${url}\n`);
    return;
  }
  io.stderr(
    `Signing in to ${gatewayOrigin(gateway)} with the browser. If it does not open, go to:\n${url}\n`,
  );
  try {
    const command = args.find("browser-cmd")?.trim() || undefined;
    await io.start(browserCall(url, { os: io.os, command }));
  } catch (error) {
    io.stderr(`warning: the browser cannot be started: ${errorMessage(error)}\n`);
  }
}
