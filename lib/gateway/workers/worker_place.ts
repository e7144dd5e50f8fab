import type { Config } from "../../config/config.ts";
import type { Ports } from "./messages.ts";
import type { WorkerLink } from "./worker_link.ts";

/** This process among those that share the port. */
export interface WorkerPlace {
  /** Which one it is, from 1. The first serves what cannot be shared. */
  readonly number: number;
  /** Of the configuration that it serves at first. */
  readonly revision: number;
  /** What all call themselves toward other proxies. */
  readonly instance: string;
  /** Folder of the sockets of all workers of one supervisor. */
  readonly socketFolder: string;
  /** To the others. */
  readonly link: WorkerLink;
}

/** The configuration with the ports that were chosen for all workers, where it leaves the choice to the system. */
export function withPorts(config: Config, { tls, ssh }: Ports): Config {
  const address = { ...config.address, port: config.address.port || tls };
  if (config.ssh === null) return Object.freeze({ ...config, address });
  const sshAddress = { ...config.ssh.address, port: config.ssh.address.port || ssh };
  return Object.freeze({ ...config, address, ssh: Object.freeze({ ...config.ssh, address: sshAddress }) });
}

/** The Unix socket on which the supervisor asks a worker. */
export function controlSocketOf(socketFolder: string, number: number): string {
  return `${socketFolder}/${number}.sock`;
}

/** The Unix socket on which other workers ask a worker. */
export function siblingSocketOf(socketFolder: string, number: number): string {
  return `${socketFolder}/${number}.peers.sock`;
}
