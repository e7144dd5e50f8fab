import { runWorker } from "../gateway/workers/run_worker.ts";
import { type Command, EXIT } from "./command.ts";
import { VERSION } from "./version.ts";

/** What `sallyport serve` starts, when there are several processes. No person does: it is in no list of commands. */
export const workerCommand: Command = {
  name: "serve-as-worker",
  summary: "One of the processes of a gateway; sallyport serve starts it",
  options: [],
  positionals: [],
  async run(_args, io) {
    // The supervisor hears what a terminal says to all, and passes it on.
    using interruption = io.interruption({ on: ["SIGTERM"] });
    using _hangUp = io.onHangUp(() => {});
    using unhandled = new DisposableStack();
    const hasServed = await runWorker({
      input: io.stdin(),
      write: (text) => io.stdout(text),
      version: VERSION,
      now: () => io.now(),
      signal: interruption.signal,
      onUnhandled: (run) => unhandled.use(io.onUnhandled(run)),
    });
    return hasServed ? EXIT.ok : EXIT.failure;
  },
};
