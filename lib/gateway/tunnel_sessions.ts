import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { ActiveSessions } from "../identity/active_sessions.ts";
import type { Log } from "../observe/log.ts";
import type { Publications } from "../tunnel/publications.ts";
import type { TunnelRegistry } from "../tunnel/registry.ts";
import { LIMITS } from "./limits.ts";

/** An open tunnel is use of its session, and so is publishing: writes that down every minute, until it is disposed of. */
export function keepTunnelSessions(
  { tunnels, publications, sessions, clock, log }: {
    tunnels: Pick<TunnelRegistry, "list">;
    publications: Pick<Publications, "sessionIds">;
    sessions: ActiveSessions;
    clock: Clock;
    log: Log;
  },
): AsyncDisposable {
  let round: Promise<void> | null = null;
  let timer = clock.timer(LIMITS.keepSessionsEveryMs, run);
  function run(): void {
    timer = clock.timer(LIMITS.keepSessionsEveryMs, run);
    const ids = tunnels.list().flatMap(({ sessionId }) => sessionId === null ? [] : [sessionId]);
    round ??= sessions.keep([...ids, ...publications.sessionIds()])
      .catch((error) =>
        log.warn("use of sessions by tunnels not written down", { error: errorMessage(error) })
      )
      .finally(() => round = null);
  }
  return {
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]();
      await round;
    },
  };
}
