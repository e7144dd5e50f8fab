import type { RouteEndpointState } from "../services.ts";

/** The state of each service of each route in the text format of Prometheus. */
export function upstreamMetrics(states: readonly RouteEndpointState[]): string {
  const figures: [name: string, help: string, value: (state: RouteEndpointState) => number][] = [
    [
      "sallyport_upstream_healthy",
      "Whether health checks find a service well, or have not said anything yet.",
      ({ health }) => health === "unhealthy" ? 0 : 1,
    ],
    [
      "sallyport_upstream_ejected",
      "Whether a service is taken out because of how it answered.",
      ({ ejectedUntil }) => ejectedUntil === null ? 0 : 1,
    ],
    ["sallyport_upstream_requests", "Requests and tunnels that a service has.", ({ requests }) => requests],
    ["sallyport_upstream_connections", "Connections to a service.", ({ connections }) => connections],
  ];
  return figures.map(([name, help, value]) => {
    const lines = states.map((state) => `${name}{${labels(state)}} ${value(state)}\n`);
    return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
  }).join("");
}

function labels({ route, url, publisher }: RouteEndpointState): string {
  const entries = { route, upstream: url, ...(publisher === null ? {} : { publisher }) };
  return Object.entries(entries).map(([name, value]) => `${name}="${escaped(value)}"`).join(",");
}

function escaped(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
