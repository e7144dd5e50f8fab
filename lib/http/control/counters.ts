/** Counters in the text format of Prometheus, one for each value of a label. */
export function counters(
  name: string,
  { help, label, values }: { help: string; label: string; values: Readonly<Record<string, number>> },
): string {
  const lines = Object.entries(values).map(([value, count]) => `${name}{${label}="${value}"} ${count}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} counter\n${lines.join("")}`;
}
