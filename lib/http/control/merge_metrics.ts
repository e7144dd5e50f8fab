interface Family {
  readonly head: readonly string[];
  readonly samples: Map<string, number>;
}

type Merge = (one: number, other: number) => number;

/** Figures of which the sum means nothing. */
const NOT_SUMMED: Readonly<Record<string, Merge>> = {
  pomerium_config_last_reload_success: Math.min,
  pomerium_config_last_reload_success_timestamp: Math.max,
  sallyport_config_revision: Math.max,
  sallyport_routes: Math.max,
  sallyport_upstream_healthy: Math.min,
  sallyport_upstream_ejected: Math.max,
};

/**
 * Figures of several processes as those of one, in the text format of Prometheus: sums, but for what is the same in all.
 *
 * @param overrides figures that are known better, by name
 */
export function mergeMetrics(
  texts: readonly string[],
  overrides: Readonly<Record<string, number>> = {},
): string {
  const families = new Map<string, Family>();
  for (const text of texts) addTo(families, text);
  return [...families].map(([name, { head, samples }]) => {
    const override = overrides[name];
    const lines = override === undefined
      ? [...samples].map(([sample, value]) => `${sample} ${value}`)
      : [`${name} ${override}`];
    return [...head, ...lines].map((line) => `${line}\n`).join("");
  }).join("");
}

function addTo(families: Map<string, Family>, text: string): void {
  let name = "";
  let head: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) {
      name = line.split(" ")[2]!;
      head = [];
    }
    if (line.startsWith("#")) {
      head.push(line);
      if (!families.has(name)) families.set(name, { head, samples: new Map() });
      continue;
    }
    const at = line.lastIndexOf(" ");
    const samples = families.get(name)?.samples;
    if (at < 0 || samples === undefined) continue;
    const sample = line.slice(0, at);
    const value = Number(line.slice(at + 1));
    const known = samples.get(sample);
    const merge = NOT_SUMMED[name] ?? ((one, other) => one + other);
    samples.set(sample, known === undefined ? value : merge(known, value));
  }
}
