import type { Certificate } from "./certificate.ts";

/**
 * A certificate and after it each the issuer of the one before, by name alone, as far as `pool` has them. Nothing is
 * verified.
 */
export function issuerChain(own: Certificate, pool: readonly Certificate[]): [Certificate, ...Certificate[]] {
  const chain: [Certificate, ...Certificate[]] = [own];
  for (;;) {
    const { issuer } = chain.at(-1)!;
    const next = pool.find((one) => one.subject.key === issuer.key && !chain.includes(one));
    if (next === undefined) return chain;
    chain.push(next);
  }
}
