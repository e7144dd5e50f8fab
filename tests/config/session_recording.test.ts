import { describe, expect, it } from "vitest";
import { compareConfigs } from "../../lib/config/plan_routes.ts";
import { codesOf, load, oneRoute } from "./_load.ts";

const SSH = { from: "ssh://box", to: "ssh://db.test:2222" };

function loadWith(global: Readonly<Record<string, unknown>>, route: Readonly<Record<string, unknown>> = {}) {
  return load(
    JSON.stringify({ ssh_address: ":2200", ...global, ...JSON.parse(oneRoute({ ...SSH, ...route })) }),
  );
}

describe("loadConfig() reads how sessions are recorded:", () => {
  it.each([
    ["by default", {}, { directory: null, onFailure: "end", maxBytes: 1024 ** 3 }],
    [
      "as the file says",
      { directory: "/srv/rec", on_failure: "continue", max_bytes: 65_536 },
      { directory: "/srv/rec", onFailure: "continue", maxBytes: 65_536 },
    ],
    ["as the environment would", { max_bytes: "65536" }, {
      directory: null,
      onFailure: "end",
      maxBytes: 65_536,
    }],
    ["in the folder of the file", { directory: "rec" }, {
      directory: "rec",
      onFailure: "end",
      maxBytes: 1024 ** 3,
    }],
  ])("%s", async (_, session_recordings, expected) => {
    const { config, complaints } = await loadWith({ session_recordings });
    expect(complaints).toEqual([]);
    expect(config!.sessionRecordings).toEqual(expected);
  });

  it.each([
    ["absent", {}, false],
    ["empty", { session_recording: {} }, false],
    ["on", { session_recording: { enabled: true } }, true],
    ["off", { session_recording: { enabled: false } }, false],
  ])("of a route: %s", async (_, keys, expected) => {
    const { config, complaints } = await loadWith({}, keys);
    expect(complaints).toEqual([]);
    expect(config!.routes[0]!.isRecorded).toBe(expected);
  });

  it.each([
    [
      "a word that on_failure has not",
      { session_recordings: { on_failure: "ignore" } },
      {},
      "error config/bad-value",
    ],
    ["a size below 64 KiB", { session_recordings: { max_bytes: 1000 } }, {}, "error config/bad-value"],
    ["a size that is none", { session_recordings: { max_bytes: "1G" } }, {}, "error config/bad-value"],
    ["an unknown key", { session_recordings: { folder: "x" } }, {}, "error config/unknown-key"],
    // A misspelt key would leave sessions unrecorded that somebody counts on.
    ["a misspelt key of a route", {}, { session_recording: { enable: true } }, "error config/unknown-key"],
    ["a route that says yes", {}, { session_recording: true }, "error config/wrong-type"],
    [
      "recording of what is not SSH",
      {},
      { from: "tcp+https://db.test:22", to: "tcp://db.test:22", session_recording: { enabled: true } },
      "warning config/no-effect",
    ],
  ])("complains of %s", async (_, global, route, code) => {
    expect(codesOf(await loadWith(global, route))).toEqual([code]);
  });

  it("shows a change of it in a plan", async () => {
    const before = (await loadWith({})).config!;
    const after = (await loadWith({ session_recordings: { on_failure: "continue" } })).config!;
    expect(compareConfigs(before, after).globals.map(({ key }) => key)).toEqual(["session_recordings"]);
  });
});
