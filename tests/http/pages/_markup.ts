/** Texts that would run, or break out, if a page did not escape them. */
export const MARKUP: readonly string[] = [
  `<script>alert(1)</script>`,
  `"><svg onload=alert(1)>`,
  `' onfocus=alert(1) x='`,
  `</title></code></bdi><img src=x onerror=alert(1)>`,
  `&lt;b&gt; & &amp;`,
];

/** The elements of a page, by name, with how often each stands there: what nothing a person wrote may change. */
export function elementsOf(html: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [, name] of html.matchAll(/<([a-z][a-z0-9]*)[\s>/]/gi)) counts[name!] = (counts[name!] ?? 0) + 1;
  return counts;
}

/** The attributes of a page, by name. */
export function attributesOf(html: string): readonly string[] {
  const names = [...html.matchAll(/<[a-z][a-z0-9]*((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>/gi)]
    .flatMap(([, attributes]) => [...attributes!.matchAll(/([a-z-]+)(?:="[^"]*")?/gi)])
    .map(([, name]) => name!);
  return [...new Set(names)].sort();
}

/** What a person reads: the text of a page, with its entities resolved. */
export function textOf(html: string): string {
  const entities: Record<string, string> = { quot: '"', "#39": "'", lt: "<", gt: ">", amp: "&" };
  return html.replaceAll(/<[^>]*>/g, " ").replaceAll(/&(quot|#39|lt|gt|amp);/g, (_, name) => entities[name]!)
    .replaceAll(/\s+/g, " ");
}
