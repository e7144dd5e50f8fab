import type { TableResult } from "./bench.ts";
import { markdown } from "./report.ts";
import { spread } from "./statistics.ts";

/** Where a figure stands: table, row, key. */
type Place = readonly [table: string, row: string, key: string];

/** A comparison of two figures, or one figure. */
interface Part {
  /** Which of several, as in `down`; empty when it is the only one. */
  readonly label: string;
  readonly ours: Place;
  /** What it is divided by. Without: nothing. */
  readonly theirs?: Place;
  /** Without a proxy: the most that the load program gives. */
  readonly direct?: Place;
  /** Takes what it is without a proxy from both. */
  readonly isAdded?: boolean;
}

/** What is wanted of a path. */
interface Aim {
  readonly path: string;
  readonly measure: string;
  /** One of the two is there. */
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly digits: number;
  readonly unit: string;
  readonly parts: readonly Part[];
}

/** Down and up. */
function bothWays(
  key: "MbPerSecond" | "CpuPerGib",
  { ours, theirs }: { ours: string; theirs: string },
): Part[] {
  return ["down", "up"].map((label) => ({
    label,
    ours: ["bulk", ours, `${label}${key}`],
    theirs: ["bulk", theirs, `${label}${key}`],
    ...key === "MbPerSecond" ? { direct: ["bulk", "direct TLS", `${label}${key}`] as const } : {},
  }));
}

const AIMS: readonly Aim[] = [
  {
    path: "TCP by HTTP/1.1 CONNECT, one stream, no client certificate",
    measure: "throughput to that of HAProxy, TLS to TCP",
    ...{ atLeast: 1.2, digits: 0, unit: "MB/s" },
    parts: bothWays("MbPerSecond", { ours: "sallyport", theirs: "HAProxy" }),
  },
  {
    path: "the same",
    measure: "processor time for a GiB to that of HAProxy",
    ...{ atMost: 0.8, digits: 2, unit: "s/GiB" },
    parts: bothWays("CpuPerGib", { ours: "sallyport", theirs: "HAProxy" }),
  },
  {
    path: "the same, client certificate required",
    measure: "throughput to that of HAProxy, `verify required`",
    ...{ atLeast: 1, digits: 0, unit: "MB/s" },
    parts: bothWays("MbPerSecond", {
      ours: "sallyport client certificate",
      theirs: "HAProxy client certificate",
    }),
  },
  {
    path: "TCP over HTTP/2 CONNECT, one stream",
    measure: "throughput to that of squid, CONNECT",
    ...{ atLeast: 0.8, digits: 0, unit: "MB/s" },
    parts: bothWays("MbPerSecond", { ours: "sallyport h2", theirs: "squid" }),
  },
  {
    path: "round trip of a byte through a tunnel",
    measure: "p50 added to direct, to what HAProxy adds",
    ...{ atMost: 1.5, digits: 0, unit: "us" },
    parts: [{
      label: "",
      ours: ["echo", "sallyport", "p50Micros"],
      theirs: ["echo", "HAProxy", "p50Micros"],
      direct: ["echo", "direct TCP", "p50Micros"],
      isAdded: true,
    }],
  },
  {
    path: "opening tunnels, cold TLS, session verified, policy decided",
    measure: "tunnels a second to those of squid with basic authentication",
    ...{ atLeast: 1, digits: 0, unit: "/s" },
    parts: [{
      label: "",
      ours: ["openings", "sallyport", "perSecond"],
      theirs: ["openings", "squid basic auth", "perSecond"],
      direct: ["openings", "direct TLS", "perSecond"],
    }],
  },
  {
    path: "memory of an idle tunnel",
    measure: "KiB each",
    ...{ atMost: 30, digits: 1, unit: "KiB" },
    parts: [{ label: "", ours: ["idle", "sallyport", "kib"] }],
  },
  {
    path: "HTTP, small answers, keep-alive",
    measure: "requests a second to those of nginx, one worker each",
    ...{ atLeast: 0.3, digits: 0, unit: "/s" },
    parts: [{
      label: "",
      ours: ["small", "sallyport", "perSecond"],
      theirs: ["small", "nginx", "perSecond"],
      direct: ["small", "direct", "perSecond"],
    }],
  },
  {
    path: "`ssh -R`, chacha20",
    measure: "throughput to that of sshd; of sshd with HAProxy for TLS",
    ...{ atLeast: 0.8, digits: 0, unit: "MB/s" },
    parts: [["plain", "sshd"] as const, ["TLS", "sshd behind HAProxy"] as const].map(([label, theirs]) => ({
      label,
      ours: ["reverse", "sallyport", "mbPerSecond"],
      theirs: ["reverse", theirs, "mbPerSecond"],
      direct: ["reverse", "direct TLS", "mbPerSecond"],
    })),
  },
  {
    path: "UDP over HTTP/3, 1,200 bytes",
    measure: "packets a second",
    ...{ atLeast: 40_000, digits: 0, unit: "/s" },
    parts: [["each way", "eachWay"] as const, ["one way", "oneWay"] as const].map(([label, key]) => ({
      label,
      ours: ["udp1200", "sallyport h3", key],
      direct: ["udp1200", "direct", key],
    })),
  },
];

/** Whether a row of a table is needed for the aims. */
export function isAimedAt(table: string, row: string): boolean {
  return AIMS.some(({ parts }) =>
    parts.some(({ ours, theirs, direct }) =>
      [ours, theirs, direct].some((place) => place?.[0] === table && place[1] === row)
    )
  );
}

/** A row for each aim: what it is, and what was measured. */
export function aimsText(results: readonly TableResult[]): string {
  const at = ([table, row, key]: Place) =>
    results.find((result) => result.table.id === table)?.rows.find(({ name }) => name === row)?.figures[key];
  const body = AIMS.map((aim) => {
    const values = aim.parts.map((part) => valuesOf(part, at));
    return [
      aim.path,
      aim.measure,
      aim.atLeast === undefined ? `${aim.atMost} or less` : `${aim.atLeast.toLocaleString("en-US")} or more`,
      values.map(({ label, value }) => measured(value, { label, aim })).join(", "),
      values.map(({ value }) => value === null ? "-" : isReached(spread(value).median, aim) ? "yes" : "no")
        .join(", "),
      shown(values.map(({ ours }) => ours), aim),
      shown(values.map(({ theirs }) => theirs), aim),
      shown(values.map(({ direct }) => direct), aim),
    ];
  });
  const head = ["path", "measure", "aim", "measured", "reached", "sallyport", "the other", "direct"];
  return markdown(head, body, { left: 2 });
}

interface Values {
  readonly label: string;
  readonly value: readonly number[] | null;
  readonly ours: readonly number[] | null;
  readonly theirs: readonly number[] | null;
  readonly direct: readonly number[] | null;
}

/** Each in the order of the runs; a ratio is that of the same run. */
function valuesOf(part: Part, at: (place: Place) => readonly number[] | undefined): Values {
  const figures = (place: Place | undefined) => (place === undefined ? undefined : at(place)) ?? null;
  const direct = figures(part.direct);
  const taken = (numbers: readonly number[] | null) =>
    part.isAdded ? numbers?.map((number, run) => number - (direct?.[run] ?? NaN)) ?? null : numbers;
  const [ours, theirs] = [taken(figures(part.ours)), taken(figures(part.theirs))];
  const value = part.theirs === undefined
    ? ours
    : theirs && (ours?.map((number, run) => number / theirs[run]!) ?? null);
  return { label: part.label, value, ours, theirs, direct };
}

function isReached(value: number, { atLeast = -Infinity, atMost = Infinity }: Aim): boolean {
  return value >= atLeast && value <= atMost;
}

function measured(value: readonly number[] | null, { label, aim }: { label: string; aim: Aim }): string {
  if (value === null) return "-";
  const digits = aim.parts[0]!.theirs === undefined ? aim.digits : 2;
  const { median, min, max } = spread(value);
  const text = (number: number) => number.toFixed(digits);
  const range = value.length === 1 ? "" : ` (${text(min)}..${text(max)})`;
  return `${label} ${text(median)}${range}`.trim();
}

function shown(all: readonly (readonly number[] | null)[], { digits, unit }: Aim): string {
  const texts = all.map((numbers) => numbers === null ? "-" : spread(numbers).median.toFixed(digits));
  return texts.every((text) => text === "-") ? "-" : `${[...new Set(texts)].join(", ")} ${unit}`;
}
