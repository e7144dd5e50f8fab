import type { Config } from "../../config/config.ts";
import { findSharedPort } from "../../listen/shared_port.ts";
import type { Ports } from "./messages.ts";

type Place = Config["address"];

/**
 * Finds out whether all workers can listen as a configuration says, where they do not yet, and chooses ports where it leaves
 * the choice.
 *
 * @param before what they listen as now; `null`: not at all @throws {ListenError}
 */
export function choosePorts(
  next: Config,
  before: { readonly config: Config; readonly ports: Ports } | null,
): Ports {
  return {
    tls: choose(next.address, before && { place: before.config.address, port: before.ports.tls }),
    ssh: next.ssh === null ? 0 : choose(
      next.ssh.address,
      before?.config.ssh ? { place: before.config.ssh.address, port: before.ports.ssh } : null,
    ),
  };
}

/** @returns what stands for port 0 */
function choose(next: Place, before: { readonly place: Place; readonly port: number } | null): number {
  const held = before === null ? null : before.place.port || before.port;
  const isHeld = held !== null && (next.port === 0 || next.port === held);
  // Where the workers listen themselves nobody else can.
  return isHeld ? held : findSharedPort(next);
}
