import { nearestWord } from "../base/nearest.ts";
import type { RouteProtocol } from "./config.ts";
import { SCHEMES } from "./from_url.ts";
import type { KeyTable, ServedKey, Values } from "./key_table.ts";
import { quote } from "./_quote.ts";
import type { Finding, Report } from "./_report.ts";
import type { Path } from "./_yaml_tree.ts";

/** A mapping of the configuration, and where it stands. */
export interface MappingPlace {
  readonly mapping: Readonly<Record<string, unknown>>;
  readonly path: Path;
  readonly report: Report;
  /** Of the route that the mapping is, if it is one and says so. */
  readonly protocol?: RouteProtocol | null;
  /** Unknown keys are errors; default false. */
  readonly isStrict?: boolean;
}

/**
 * Reads the served keys of a mapping, and reports everything else in it.
 *
 * @returns a value for each served key; the default where there was none, or where the value was reported as wrong
 */
export function readKeys<Table extends KeyTable>(table: Table, place: MappingPlace): Values<Table> {
  for (const key of Object.keys(place.mapping)) {
    if (!Object.hasOwn(table, key)) reportUnknown(key, { table, place });
    else if (!reportMisplaced(key, { table, place })) reportUnserved(key, { table, place });
  }
  const values: Record<string, unknown> = {};
  for (const [key, spec] of Object.entries(table)) {
    if (spec.status === "served") values[key] = readKey(key, { spec, place });
  }
  // One entry for each served key, read by the type of that key: what Values says.
  return values as Values<Table>;
}

function readKey(key: string, { spec, place }: { spec: ServedKey<unknown>; place: MappingPlace }): unknown {
  const value = Object.hasOwn(place.mapping, key) ? place.mapping[key] : undefined;
  if (value === undefined || value === null) return defaultOf(spec);
  const parsed = spec.type.parse(value);
  if (parsed.ok) return parsed.value;
  const { code, message, hint, path } = parsed.fault;
  const at = spec.isSecret ? { path: [...place.path, key], at: "key" as const } : {
    path: [...place.path, key, ...path],
  };
  place.report.error(code, { message: `${key} ${message}`, hint, ...at });
  return defaultOf(spec);
}

function defaultOf(spec: ServedKey<unknown>): unknown {
  if (spec.absent === null) return null;
  const parsed = spec.type.parse(spec.absent);
  if (!parsed.ok) {
    throw new TypeError(`The default of a key is not one of its values: ${parsed.fault.message}`);
  }
  return parsed.value;
}

interface KeyPlace {
  readonly table: KeyTable;
  readonly place: MappingPlace;
}

function reportUnknown(key: string, { table, place }: KeyPlace): void {
  const finding: Finding = {
    message: `There is no key ${quote(key)} here${place.isStrict ? "" : "; it has no effect"}`,
    hint: () => {
      const nearest = nearestWord(
        key,
        Object.keys(table).filter((known) => table[known]!.status !== "removed"),
      );
      return nearest === null ? undefined : `did you mean ${nearest}?`;
    },
    path: [...place.path, key],
    at: "key",
  };
  if (place.isStrict) place.report.error("config/unknown-key", finding);
  else place.report.warn("config/unknown-key", finding);
}

/** Reports a key that means nothing on a route of this protocol. @returns whether it is one */
function reportMisplaced(key: string, { table, place }: KeyPlace): boolean {
  const spec = table[key]!;
  const { protocol = null } = place;
  if (protocol === null || !("protocols" in spec) || (spec.protocols?.includes(protocol) ?? true)) {
    return false;
  }
  place.report.warnOnce("config/no-effect", {
    message: `${key} has no effect on routes from ${SCHEMES[protocol]}://`,
    path: [...place.path, key],
    at: "key",
  });
  return true;
}

function reportUnserved(key: string, { table, place }: KeyPlace): void {
  const spec = table[key]!;
  const where = { path: [...place.path, key], at: "key" as const };
  if (spec.status === "not-yet") {
    place.report.warnOnce("config/no-effect", { message: `${key} has no effect in this version`, ...where });
  } else if (spec.status === "pointless") {
    place.report.warnOnce("config/no-effect", {
      message: `${key} has no effect: ${spec.because}`,
      ...where,
    });
  } else if (spec.status === "removed") {
    place.report.error("config/removed-key", {
      message: `${key} was removed`,
      hint: spec.instead,
      ...where,
    });
  } else if (spec.status === "unenforced") {
    place.report.error("config/unenforced-key", {
      message: `${key} is not enforced in this version`,
      hint: "without it callers get in whom it would keep out; remove it only if that is meant",
      ...where,
    });
  }
}
