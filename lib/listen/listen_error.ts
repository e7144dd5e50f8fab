import { SallyportError } from "../base/errors.ts";

/** Why a port could not be listened on. */
export type ListenErrorCode =
  | "listen/address-in-use"
  | "listen/not-permitted"
  | "listen/bad-address"
  | "listen/bad-certificate"
  | "listen/unsupported-platform";

/** The gateway cannot listen where, or with what, the configuration says. */
export class ListenError extends SallyportError {
  /**
   * An error for one address.
   *
   * @param code what kind of failure; @param message where, and what the system said
   */
  constructor(readonly code: ListenErrorCode, message: string, options?: { cause?: unknown; hint?: string }) {
    super(message, options);
  }

  /** The error of a certificate and key that the platform does not take. */
  static badCertificate(cause: unknown): ListenError {
    return new ListenError("listen/bad-certificate", "Cannot serve a certificate: the platform refuses it", {
      cause,
      hint: "use a certificate with an RSA, P-256, P-384 or Ed25519 key that belongs to it",
    });
  }

  /** The error of a platform that lacks something. */
  static unsupportedPlatform(): ListenError {
    return new ListenError(
      "listen/unsupported-platform",
      `Cannot accept TLS with Deno ${Deno.version.deno}: it lacks what TLS is accepted with`,
      { hint: "use the version of Deno that the README names" },
    );
  }

  /** The error of the platform, told in our words. */
  static from(cause: unknown, address: { hostname: string; port: number }): ListenError {
    const where = `${address.hostname}:${address.port}`;
    if (cause instanceof Deno.errors.AddrInUse) {
      return new ListenError(
        "listen/address-in-use",
        `Cannot listen on ${where}: the port is already in use`,
        {
          cause,
          hint: `stop the program that listens there, or set another 'address' in the configuration`,
        },
      );
    }
    if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
      return new ListenError("listen/not-permitted", `Cannot listen on ${where}: not permitted`, {
        cause,
        hint: "ports below 1024 need a privilege; choose a higher port or grant CAP_NET_BIND_SERVICE",
      });
    }
    return new ListenError("listen/bad-address", `Cannot listen on ${where}: ${String(cause)}`, {
      cause,
      hint: "'address' must be an address of this machine, such as 127.0.0.1:8443 or :443",
    });
  }
}
