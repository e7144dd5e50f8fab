import { errorMessage, SallyportError } from "../base/errors.ts";
import type { CliIo } from "./command.ts";

/** Prints what went wrong as `error:`, and what to do about it as `hint:`. */
export function printError(error: unknown, io: Pick<CliIo, "stderr">): void {
  io.stderr(`error: ${errorMessage(error)}\n`);
  if (error instanceof SallyportError && error.hint !== undefined) io.stderr(`hint: ${error.hint}\n`);
}
