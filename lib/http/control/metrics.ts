import type { ControlServices } from "./control_services.ts";
import { http3Metrics } from "./http3_metrics.ts";
import { httpMetrics } from "./http_metrics.ts";
import { upstreamMetrics } from "./upstream_metrics.ts";
import { udpMetrics } from "./udp_metrics.ts";

/** Figures in the text format of Prometheus, with the names that dashboards for this kind of gateway know. */
export function metricsText(services: ControlServices): string {
  const { revision, tunnels, connections, routes, upstreams, lastReload } = services.status();
  const lines: [name: string, type: "gauge", help: string, value: number][] = [
    [
      "pomerium_config_last_reload_success",
      "gauge",
      "Whether the latest attempt to change the configuration was served.",
      lastReload === null || lastReload.ok ? 1 : 0,
    ],
    [
      "pomerium_config_last_reload_success_timestamp",
      "gauge",
      "When a configuration was last served, in seconds since 1970.",
      lastReload?.ok ? Math.floor(lastReload.at / 1000) : Math.floor(services.status().startedAt / 1000),
    ],
    ["sallyport_config_revision", "gauge", "Which configuration is served.", revision],
    ["sallyport_routes", "gauge", "Routes of the configuration.", routes],
    ["sallyport_tunnels", "gauge", "Tunnels that are open.", tunnels],
    ["sallyport_connections", "gauge", "Connections that are open.", connections],
  ];
  const gauges = lines.map(([name, type, help, value]) =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`
  )
    .join("");
  const help = "From a change until the tunnels that it no longer allows were told to end.";
  return gauges + udpMetrics(services.udp) + httpMetrics(services.http) + http3Metrics(services.http3) +
    upstreamMetrics(upstreams) +
    services.withdrawals.text("sallyport_tunnel_withdrawal_seconds", help);
}
