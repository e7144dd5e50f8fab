/** What the worker is asked to do. */
export type Argon2Job =
  | { readonly kind: "hash"; readonly password: string; readonly salt: Uint8Array<ArrayBuffer> }
  | { readonly kind: "verify"; readonly password: string; readonly hash: string };

/** What the worker answers: the PHC string, whether the password is right, or that it failed. */
export type Argon2Answer = { readonly result: string | boolean } | { readonly failed: string };

/** First choice of the OWASP password storage cheat sheet for argon2id: 19 MiB, two passes, one lane. */
export const ARGON2 = { memorySize: 19_456, iterations: 2, parallelism: 1, hashLength: 32 } as const;

/** Bytes of salt in a new hash. */
export const SALT_BYTES = 16;

/**
 * A hash of nothing anybody knows, with the parameters of {@link ARGON2}: verifying against it takes as long as
 * verifying against a real one.
 */
export const NOBODYS_HASH =
  `$argon2id$v=19$m=${ARGON2.memorySize},t=${ARGON2.iterations},p=${ARGON2.parallelism}` +
  `$${"A".repeat(22)}$${"A".repeat(43)}`;
