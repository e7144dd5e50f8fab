import {
  echoTunnel,
  respond,
  type ScriptedGateway,
  startGateway,
  testToken,
} from "../client/_scripted_gateway.ts";
import type { CliIo } from "../../lib/cli/command.ts";

/** A gateway that signs anybody in, and opens an echo tunnel for whoever has its latest token. */
export interface SigningGateway extends ScriptedGateway {
  /** Tokens that still hold, oldest first. */
  readonly tokens: string[];
  /** What a browser does with a sign-in page of this gateway. */
  browse(url: string): Promise<void>;
}

/** Starts it. Whoever starts it disposes it. */
export function startSigningGateway(
  options: { claims?: Record<string, unknown>; routes?: unknown } = {},
): SigningGateway {
  const tokens: string[] = [];
  const claims = options.claims ?? { sub: "u1", email: "alice@example.com" };
  const gateway = startGateway(({ method, target, authorization }, stream) => {
    const token = authorization?.replace(/^Pomerium /, "");
    const known = token !== undefined && tokens.includes(token);
    const url = new URL(target, "http://gateway");
    if (url.pathname === "/.pomerium/api/v1/login") {
      return respond(
        stream,
        200,
        `${gateway.url}/sign-in?to=${encodeURIComponent(url.searchParams.get("pomerium_redirect_uri")!)}`,
      );
    }
    if (!known) return respond(stream, 401);
    if (method === "CONNECT") return echoTunnel(stream);
    if (target === "/.pomerium/user") return respond(stream, 200, JSON.stringify(claims));
    if (target === "/.pomerium/api/v1/routes" && options.routes !== undefined) {
      return respond(stream, 200, JSON.stringify(options.routes));
    }
    if (method === "POST" && target === "/.pomerium/api/v1/logout") {
      tokens.splice(tokens.indexOf(token), 1);
      return respond(stream, 204);
    }
    return respond(stream, 404);
  });
  let issued = 0;
  async function browse(url: string): Promise<void> {
    const token = testToken({ sub: "u1", jti: String(++issued) });
    tokens.push(token);
    const response = await fetch(`${new URL(url).searchParams.get("to")}?pomerium_jwt=${token}`);
    await response.body?.cancel();
  }
  return { ...gateway, tokens, browse };
}

/** The part of a process that opens the browser. */
export function browserOf(gateway: SigningGateway): { onStart: CliIo["start"] } {
  return { onStart: ({ args }) => gateway.browse(args.at(-1)!) };
}
