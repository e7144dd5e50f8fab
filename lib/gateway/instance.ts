import { type Random, randomId } from "../base/random.ts";

/** What a gateway calls itself toward other proxies, which several processes of one do alike: a pseudonym (RFC 9110 section 7.6.3). */
export function newInstance(random: Random): string {
  return `sallyport-${randomId(random, 8)}`;
}
