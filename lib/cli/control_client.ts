import { SallyportError } from "../base/errors.ts";
import { askSocket, type SocketRequest } from "../http/control/ask_socket.ts";

/** Why the running gateway could not be asked. */
export type ControlClientErrorCode =
  | "control-client/not-running"
  | "control-client/refused"
  | "control-client/failed";

/** The running gateway could not be asked, or said no. */
export class ControlClientError extends SallyportError {
  /** An error with what kind of failure it is, what was found, and what to do. */
  constructor(
    readonly code: ControlClientErrorCode,
    message: string,
    options?: { cause?: unknown; hint?: string | undefined },
  ) {
    super(message, options);
  }
}

/** A question to the running gateway. */
export type ControlRequest = Omit<SocketRequest, "signal">;

/**
 * Asks the gateway that runs on a state directory, over its control socket.
 *
 * @param socketPath `control.sock` in the state directory
 * @returns what it answers, as JSON
 * @throws {ControlClientError}
 */
export async function askGateway(
  socketPath: string,
  request: ControlRequest,
): Promise<unknown> {
  const { status, text } = await askSocket(socketPath, request).catch((cause) => {
    throw notRunning(socketPath, cause);
  });
  const answer = parse(text);
  if (status === 200) return answer;
  const { error, hint } = answer as { error?: string; hint?: string };
  throw new ControlClientError("control-client/refused", error ?? `The gateway answered ${status}`, { hint });
}

function notRunning(socketPath: string, cause: Error): ControlClientError {
  return new ControlClientError("control-client/not-running", `No gateway answers at ${socketPath}`, {
    cause,
    hint: "start it with `sallyport serve`, or name its state directory with --state-dir",
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ControlClientError("control-client/failed", "The gateway's answer cannot be read", { cause });
  }
}
