import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { main } from "../../../lib/cli/main.ts";
import { requirePeer } from "../../_support/peers.ts";
import { run } from "../../_support/programs.ts";
import { type SshRoute, startSshRoute } from "../../_support/ssh_route.ts";
import { hasSshd } from "../../_support/sshd.ts";
import { until } from "../../_support/until.ts";
import { fakeIo } from "../../cli/_fake_io.ts";
import { eventsOf } from "./_recorder.ts";

const hasPeers = requirePeer("ssh") && requirePeer("sftp") && requirePeer("scp") && hasSshd();
const RECORDED = ["session_recording: { enabled: true }"];

/** What is typed at a prompt that does not show it. */
const SECRET = "hunter2-s3cret";

describe.skipIf(!hasPeers)("sessions of OpenSSH on a route that is recorded", () => {
  let route: SshRoute;
  let folder: string;
  const seen = new Set<string>();
  beforeAll(async () => {
    route = await startSshRoute({ route: RECORDED });
    folder = `${route.gateway.folder}/state/recordings`;
  }, 30_000);
  afterAll(() => route?.[Symbol.asyncDispose]());

  /** The lines of the recording that was made since the last time, once it is sealed. */
  async function newest(): Promise<unknown[]> {
    const name = await until(() =>
      [...Deno.readDirSync(folder)].map(({ name }) => name).find((name) => !seen.has(name))
    );
    const text = await until(() => {
      const text = Deno.readTextFileSync(`${folder}/${name}`);
      return /"end [^"]+"[\]}]\n$/.test(text) && text;
    });
    seen.add(name);
    return text.trimEnd().split("\n").map((line) => JSON.parse(line));
  }

  const shown = (lines: unknown[]) =>
    (lines.slice(1) as [number, string, string][]).filter(([, code]) => code === "o").map(([, , text]) =>
      text
    ).join("");

  const prompts: [string, string][] = [
    ["of a shell", "read -rs -p 'Pass''word: ' word; echo; echo length ${#word}"],
    ["of getpass", `python3 -c 'import getpass; print("length", len(getpass.getpass("Pass" "word: ")))'`],
  ];

  it.each(prompts)(
    "hold what a terminal shows, and nothing that is typed at a no-echo prompt %s",
    async (_, command) => {
      await using ssh = route.user.start(["-tt", route.box, "exec bash --norc --noprofile -i"], {
        stdin: "piped",
      });
      const writer = ssh.process.stdin.getWriter();
      const type = (text: string) => writer.write(new TextEncoder().encode(text));
      await type(`${command}\n`);
      await ssh.shows("Password: ");
      await type(`${SECRET}\n`);
      await ssh.shows(`length ${SECRET.length}`);
      await type("exit 7\n");
      expect((await ssh.ended).code).toBe(7);
      await writer.close().catch(() => {});
      const lines = await newest();
      expect(lines[0]).toMatchObject({
        version: 2,
        command: "exec bash --norc --noprofile -i",
        sallyport: { email: "ada@example.com", kind: "exec", ip: "127.0.0.1" },
      });
      expect(shown(lines)).toContain("Password: ");
      expect(shown(lines)).toContain("exit 7");
      expect(JSON.stringify(lines)).not.toContain(SECRET);
      expect(JSON.stringify(lines)).not.toContain(SECRET.slice(0, 6));
      expect(lines.at(-2)).toEqual([expect.any(Number), "x", "7"]);
    },
  );

  it("keep up with 30 MB that a terminal shows at once", async () => {
    const { code, stdout } = await route.user.run([
      "-tt",
      route.box,
      "head -c 30000000 /dev/zero | tr '\\0' x",
    ]);
    expect([code, stdout.length]).toEqual([0, 30_000_000]);
    expect(shown(await newest()).length).toBe(30_000_000);
  }, 60_000);

  it("hold a command, the bytes of it each way, and its exit code", async () => {
    const { code, stdout } = await route.user.run([route.box, "printf abc; exit 3"]);
    expect([code, stdout]).toEqual([3, "abc"]);
    const lines = await newest();
    expect(lines[0]).toMatchObject({ sallyport: { kind: "exec", command: "printf abc; exit 3" } });
    expect(eventsOf(lines)).toEqual([{ event: "exit", code: 3, bytes_in: 0, bytes_out: 3 }]);
  });

  const options = () => route.user.options().map((word) => word === "-p" ? "-P" : word);

  it("hold the files that sftp copies", async () => {
    await Deno.writeTextFile(`${route.user.folder}/local`, "l".repeat(123_456));
    const remote = `${route.user.folder}/remote`;
    await Deno.writeTextFile(
      `${route.user.folder}/batch`,
      `put ${route.user.folder}/local ${remote}\nrm ${remote}\n`,
    );
    const copied = await run(["sftp", [...options(), "-b", `${route.user.folder}/batch`, route.box]]);
    expect(copied.code, copied.stderr).toBe(0);
    const events = eventsOf(await newest());
    expect(events).toContainEqual({
      event: "close",
      path: remote,
      bytes_read: 0,
      bytes_written: 123_456,
      status: "ok",
    });
    expect(events).toContainEqual({ event: "remove", path: remote, status: "ok" });
    expect(events.at(-1)).toMatchObject({ event: "exit", code: 0 });
  });

  it("hold the files that the old protocol of scp copies", async () => {
    await Deno.writeTextFile(`${route.user.folder}/old`, "o".repeat(54_321));
    const to = `${route.user.folder}/old-copy`;
    const copied = await run(["scp", ["-O", ...options(), `${route.user.folder}/old`, `${route.box}:${to}`]]);
    expect(copied.code, copied.stderr).toBe(0);
    expect(eventsOf(await newest())[0]).toEqual({
      event: "upload",
      path: "old",
      size: 54_321,
      bytes: 54_321,
    });
  });

  it("are listed, verified and played", async () => {
    const cli = async (...args: string[]) => {
      const io = fakeIo();
      const code = await main(["recordings", ...args, "--state-dir", `${route.gateway.folder}/state`], io);
      return { code, out: io.out(), err: io.err() };
    };
    const listed = await cli("list");
    expect(listed.out.trim().split("\n")).toHaveLength(seen.size + 1);
    const verified = await cli("verify", "--json");
    expect(verified, verified.err).toMatchObject({ code: 0 });
    expect(JSON.parse(verified.out).map(({ state }: { state: string }) => state)).toEqual(
      [...seen].map(() => "intact"),
    );
    const cast = [...seen].find((name) => name.endsWith(".cast"))!;
    expect((await cli("play", cast, "--speed", "1000")).out).toContain(`length ${SECRET.length}`);
  });
});

describe.skipIf(!hasPeers)("a session whose recording cannot be written", () => {
  it.each([
    ["end", 255, "", "must be recorded"],
    ["continue", 0, "hello\n", ""],
  ])("does as on_failure says: %s", async (onFailure, code, stdout, stderr) => {
    await using route = await startSshRoute({
      route: RECORDED,
      global: `session_recordings: { directory: /dev/null/recordings, on_failure: ${onFailure} }`,
    });
    const result = await route.user.run([route.box, "echo hello"]);
    expect(result).toMatchObject({ code, stdout, stderr: expect.stringContaining(stderr) });
  }, 30_000);
});
