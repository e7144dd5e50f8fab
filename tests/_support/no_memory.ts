import type { CarrierMemory } from "../../lib/client/carrier_memory.ts";

/** Remembers nothing. */
export const noMemory: CarrierMemory = {
  recall: () => Promise.resolve(null),
  remember: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};
