import type { UdpLimiter } from "../../tunnel/udp_limiter.ts";
import { counters } from "./counters.ts";

/** Figures of UDP tunnels in the text format of Prometheus. */
export function udpMetrics({ tunnels, figures }: Pick<UdpLimiter, "tunnels" | "figures">): string {
  const { packetsUp, packetsDown, bytesUp, bytesDown, dropped, refused } = figures;
  const tunnelCount = [
    "# HELP sallyport_udp_tunnels UDP tunnels that are open or being opened.",
    "# TYPE sallyport_udp_tunnels gauge",
    `sallyport_udp_tunnels ${tunnels}`,
  ];
  return `${tunnelCount.join("\n")}\n` +
    counters("sallyport_udp_packets_total", {
      help: "Datagrams that were passed on.",
      label: "direction",
      values: { up: packetsUp, down: packetsDown },
    }) +
    counters("sallyport_udp_bytes_total", {
      help: "Bytes of these datagrams.",
      label: "direction",
      values: { up: bytesUp, down: bytesDown },
    }) +
    counters("sallyport_udp_dropped_total", {
      help: "Datagrams that were dropped.",
      label: "cause",
      values: dropped,
    }) +
    counters("sallyport_udp_refused_total", {
      help: "UDP tunnels that were refused because there were too many.",
      label: "code",
      values: refused,
    });
}
