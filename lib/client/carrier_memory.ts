import { CARRIER_NAMES, type CarrierName } from "./carrier.ts";

/** Remembers for a while which carrier reached a gateway from a network. */
export interface CarrierMemory {
  /** The carrier that worked there last; `null` when none did lately. */
  recall(gateway: string, now: number): Promise<CarrierName | null>;
  /** That this one works. */
  remember(gateway: string, name: CarrierName, now: number): Promise<void>;
  /** That what was remembered does not work any more. */
  forget(gateway: string): Promise<void>;
}

/** Where the memory is kept, and of which network it is. */
export interface CarrierMemoryOptions {
  /** Text of the file; `null` when there is none or it cannot be read. */
  readonly read: () => Promise<string | null>;
  /** Puts a text in the place of the file; what it fails with is of no consequence. */
  readonly write: (text: string) => Promise<void>;
  /** Tells networks apart: the addresses of this machine, in any order. */
  readonly addresses: () => readonly string[];
  /** How long a carrier is remembered; default an hour. */
  readonly lifetimeMs?: number;
}

interface Entry {
  readonly key: string;
  readonly name: CarrierName;
  readonly at: number;
}

const LIFETIME_MS = 60 * 60_000;
/** The oldest are forgotten. */
const MAX_ENTRIES = 100;

/** A memory in a file, which runs of the program share. */
export function carrierMemory(options: CarrierMemoryOptions): CarrierMemory {
  const { lifetimeMs = LIFETIME_MS } = options;
  const keyOf = (gateway: string) => `${gateway} ${[...options.addresses()].sort().join(",")}`;
  const entries = async () => parseEntries(await options.read().catch(() => null));
  const save = (list: readonly Entry[]) =>
    options.write(JSON.stringify(list.slice(-MAX_ENTRIES))).catch(() => {});
  return {
    async recall(gateway, now) {
      const key = keyOf(gateway);
      const entry = (await entries()).find((one) => one.key === key);
      const age = entry === undefined ? Infinity : now - entry.at;
      return entry !== undefined && age >= 0 && age < lifetimeMs ? entry.name : null;
    },
    async remember(gateway, name, now) {
      const key = keyOf(gateway);
      await save([...(await entries()).filter((one) => one.key !== key), { key, name, at: now }]);
    },
    async forget(gateway) {
      const key = keyOf(gateway);
      await save((await entries()).filter((one) => one.key !== key));
    },
  };
}

/** The file is the person's: what does not fit is passed over. */
function parseEntries(text: string | null): Entry[] {
  try {
    const list: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(list) ? list.filter(isEntry) : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Entry> | null;
  return typeof entry === "object" && entry !== null && typeof entry.key === "string" &&
    typeof entry.at === "number" && CARRIER_NAMES.some((name) => name === entry.name);
}
