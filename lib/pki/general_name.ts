import type { DistinguishedName } from "./distinguished_name.ts";

/** One of the names that an extension holds (RFC 5280 section 4.2.1.6). */
export type GeneralName =
  | { readonly type: "dns" | "email" | "uri"; readonly value: string }
  | {
    readonly type: "ip";
    /** 4 or 16 bytes; in a name constraint twice as many, the second half a mask. */
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  | { readonly type: "directory"; readonly name: DistinguishedName }
  | {
    /** A user principal name: an otherName of Microsoft's, `alice@example.com`. */
    readonly type: "upn";
    readonly value: string;
  }
  | {
    readonly type: "other" | "x400" | "edi-party" | "registered-id";
    readonly der: Uint8Array<ArrayBuffer>;
  };
