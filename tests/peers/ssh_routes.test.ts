import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { echoServer } from "../_support/echo.ts";
import { hasPeer, requirePeer } from "../_support/peers.ts";
import { freePort, listening, run, sha256 } from "../_support/programs.ts";
import { hasSshd } from "../_support/sshd.ts";
import { type SshRoute, startSshRoute } from "../_support/ssh_route.ts";
import { until } from "../_support/until.ts";
