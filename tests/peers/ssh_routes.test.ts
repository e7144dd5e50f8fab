import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasPeer, requirePeer } from "../_support/peers.ts";
import { run, sha256 } from "../_support/programs.ts";
import { LOGIN, type SshRoute, startSshRoute } from "../_support/ssh_route.ts";
import { hasSshd } from "../_support/sshd.ts";
import { until } from "../_support/until.ts";

const hasPeers = requirePeer("ssh") && requirePeer("ssh-keygen") && hasSshd();
const MEBIBYTE = 1024 * 1024;

describe.skipIf(!hasPeers)("a route to an OpenSSH server", () => {
  let route: SshRoute;
  beforeAll(async () => {
    route = await startSshRoute();
  }, 30_000);
  afterAll(() => route?.[Symbol.asyncDispose]());

  const ssh = (...args: string[]) => route.user.run([route.box, ...args]);

  /** What another program runs to reach the gateway. */
  const sshCommand = () => ["ssh", ...route.user.options()].join(" ");

  /** Runs `ssh` and others with its options, and input. */
  const runWith = (
    command: string,
    args: string[],
    options: { stdin?: Uint8Array; env?: Record<string, string> } = {},
  ) =>
    run([command, [
      ...route.user.options().map((word) => command !== "ssh" && word === "-p" ? "-P" : word),
      ...args,
    ]], options);

  /** A file of random bytes, and its hash. */
  async function randomFile(name: string, bytes = 3 * MEBIBYTE): Promise<{ path: string; hash: string }> {
    const path = `${route.user.folder}/${name}`;
    const content = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
    await Deno.writeFile(path, content);
    return { path, hash: await sha256(content) };
  }
  const hashOf = async (path: string) => await sha256(await Deno.readFile(path));

  it.each([0, 1, 42, 255])("tells the exit code %i", async (code) => {
    expect(await ssh(`echo out; echo err >&2; exit ${code}`)).toMatchObject({
      code,
      stdout: "out\n",
      stderr: expect.stringContaining("err\n"),
    });
  });

  it("tells the signal that ended a command", async () => {
    const { code, stderr } = await route.user.run(["-v", route.box, "kill -TERM $$"]);
    expect(code).toBe(255);
    expect(stderr).toContain("rtype exit-signal");
  });

  it("passes environment on as the server allows", async () => {
    const { stdout } = await route.user.run([
      ...["-o", "SetEnv=GREETING=hello SECRET=no", route.box, "echo [$GREETING] [$SECRET]"],
    ]);
    expect(stdout).toBe("[hello] []\n");
  });

  it.each([
    ["up", "sha256sum"],
    ["down", "cat"],
  ])("moves 20 MiB %s", async (_, command) => {
    const { path, hash } = await randomFile("big", 20 * MEBIBYTE);
    const { code, stdout } = await runWith("ssh", [route.box, command], { stdin: await Deno.readFile(path) });
    expect(code).toBe(0);
    const got = command === "cat"
      ? await sha256(new Uint8Array(stdout))
      : new TextDecoder().decode(stdout).split(" ")[0];
    expect(got).toBe(hash);
  });

  it("exchanges keys anew in the midst of a transfer", async () => {
    const { path, hash } = await randomFile("rekeyed", 10 * MEBIBYTE);
    const { stdout, stderr } = await runWith(
      "ssh",
      ["-v", "-o", "RekeyLimit=1M", route.box, "cat"],
      { stdin: await Deno.readFile(path) },
    );
    expect(await sha256(new Uint8Array(stdout))).toBe(hash);
    expect(stderr.match(/rekeying in progress|SSH2_MSG_NEWKEYS received/g)!.length).toBeGreaterThan(5);
  });

  it("passes on the end of the input, and goes on with the output", async () => {
    const stdin = new TextEncoder().encode("abc");
    const { stdout } = await runWith("ssh", [route.box, "wc -c; echo after"], { stdin });
    expect(new TextDecoder().decode(stdout)).toBe("3\nafter\n");
  });

  it("goes on with the input when the output has ended", async () => {
    const file = `${route.user.folder}/late`;
    const stdin = new TextEncoder().encode("late");
    await runWith("ssh", [route.box, `exec >&- 2>&-; cat > ${file}`], { stdin });
    expect(await Deno.readTextFile(file)).toBe("late");
  });

  it("ends the command at the server when the client is killed in mid-transfer", async () => {
    const mark = `${route.user.folder}/alive`;
    await using running = route.user.start([route.box, `echo $$ > ${mark}; exec cat /dev/zero`]);
    const pid = await until(() => readIfThere(mark)?.trim() || undefined);
    await until(() => running.stdout.length > MEBIBYTE);
    running.process.kill("SIGKILL");
    await until(() => readIfThere(`/proc/${pid}/stat`) === null);
    await until(() => route.gateway.gateway.tunnels.size === 0);
  });

  it("ends at the client when the server is killed in mid-transfer", async () => {
    const mark = `${route.user.folder}/session`;
    await using running = route.user.start([route.box, `echo $PPID > ${mark}; cat /dev/zero`]);
    const pid = Number(await until(() => readIfThere(mark)?.trim() || undefined));
    await until(() => running.stdout.length > MEBIBYTE);
    Deno.kill(pid, "SIGKILL");
    expect(await running.ended).toMatchObject({
      code: 255,
      stderr: expect.stringContaining("the service broke the connection"),
    });
  });

  it("writes down who did it, to where, and how much went", async () => {
    const before = route.gateway.linesOf("tunnel ended").length;
    await ssh("head -c 100000 /dev/zero");
    const line = await route.gateway.line("tunnel ended", before + 1);
    expect(line).toMatchObject({
      method: "SSH",
      host: "box:22",
      email: "ada@example.com",
      reason: "completed",
      "bytes-down": 100000,
      upstream: `127.0.0.1:${route.sshd.port}`,
    });
  });

  it("ends a session at once, with a sentence, when its user signs out", async () => {
    await using signedOut = await startSshRoute();
    await using running = signedOut.user.start([signedOut.box, "echo ready; cat /dev/zero | sleep 60"]);
    await running.shows("ready");
    await signedOut.user.run(["ada@127.0.0.1", "logout"]);
    expect((await running.ended).stderr).toContain("your session was ended");
  });

  describe.skipIf(!requirePeer("python3"))("with a terminal", () => {
    it("tells its size, and each other size", async () => {
      const { stdout } = await run(["python3", [
        "-c",
        TERMINAL,
        ...["ssh", ...route.user.options()],
        "-tt",
        route.box,
        "stty size; trap 'stty size; exit 7' WINCH; echo waiting; while :; do sleep 0.1; done",
      ]]);
      const text = new TextDecoder().decode(stdout);
      expect(text).toContain("24 80");
      expect(text).toContain("50 132");
      expect(text).toContain("code 7");
    });

    it("goes on with a shell that was begun at the gateway", async () => {
      const args = ["-tt", `${LOGIN}@127.0.0.1`, "portal"];
      const { stdout } = await run(["python3", ["-c", PORTAL, ...["ssh", ...route.user.options()], ...args]]);
      const text = new TextDecoder().decode(stdout);
      expect(text).toContain("size 24 80");
      expect(text).toContain("size 50 132");
      expect(text).toContain("code 9");
    });
  });

  describe("programs over it", () => {
    it.skipIf(!requirePeer("scp")).each([["SFTP", []], ["the old protocol", ["-O"]]])(
      "copies with scp by %s",
      async (_, flags) => {
        const { path, hash } = await randomFile("scp");
        const { code, stderr } = await runWith("scp", [
          ...flags,
          path,
          `scp://${encodeURIComponent(`${LOGIN}@box`)}@127.0.0.1/${path}.up`,
        ]);
        expect(code, stderr).toBe(0);
        expect(await hashOf(`${path}.up`)).toBe(hash);
      },
    );

    it.skipIf(!requirePeer("sftp"))("puts and gets with sftp", async () => {
      const { path, hash } = await randomFile("sftp");
      const batch = `${route.user.folder}/batch`;
      await Deno.writeTextFile(batch, `put ${path} ${path}.up\nget ${path}.up ${path}.down\nls ${path}.up\n`);
      const { code, stderr } = await runWith("sftp", ["-b", batch, route.box]);
      expect(code, stderr).toBe(0);
      expect(await hashOf(`${path}.down`)).toBe(hash);
    });

    it.skipIf(!hasPeer("rsync"))("copies with rsync", async () => {
      const { path, hash } = await randomFile("rsync");
      const { code, stderr } = await run(["rsync", [
        "-a",
        "-e",
        `${sshCommand()} -l ${LOGIN}@box`,
        path,
        `127.0.0.1:${path}.up`,
      ]]);
      expect(code, stderr).toBe(0);
      expect(await hashOf(`${path}.up`)).toBe(hash);
    });

    it.skipIf(!hasPeer("git"))("clones and pushes with git", async () => {
      const { folder } = route.user;
      const env = {
        GIT_SSH_COMMAND: `${sshCommand()} -l ${LOGIN}@box`,
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_SYSTEM: "/dev/null",
        HOME: folder,
      };
      const git = async (...args: string[]) => {
        const { code, stderr } = await run(["git", args], { env });
        expect(code, stderr).toBe(0);
      };
      await git("init", "-q", "--bare", `${folder}/origin.git`);
      await git("clone", "-q", `127.0.0.1:${folder}/origin.git`, `${folder}/work`);
      const work = ["-C", `${folder}/work`, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
      await randomFile("work/file");
      await git(...work, "add", "file");
      await git(...work, "commit", "-q", "-m", "one");
      await git(...work, "push", "-q", "origin", "HEAD:main");
      await git("clone", "-q", "-b", "main", `127.0.0.1:${folder}/origin.git`, `${folder}/again`);
      expect(await hashOf(`${folder}/again/file`)).toBe(await hashOf(`${folder}/work/file`));
    });
  });

  describe("other clients", () => {
    it.skipIf(!hasPeer("dbclient") || !hasPeer("dropbearconvert"))("serves dbclient", async () => {
      const { folder } = route.user;
      await run(["dropbearconvert", ["openssh", "dropbear", `${folder}/id`, `${folder}/id.dropbear`]]);
      const { code, stdout, stderr } = await run(["dbclient", [
        ...["-y", "-y", "-i", `${folder}/id.dropbear`, "-p", String(route.gateway.gateway.sshAddress!.port)],
        ...["-l", `${LOGIN}@box`, "127.0.0.1", "echo hello; exit 3"],
      ]], { env: { HOME: folder } });
      expect(new TextDecoder().decode(stdout), stderr).toBe("hello\n");
      expect(code).toBe(3);
    });

    it.skipIf(!hasPeer("plink") || !hasPeer("puttygen"))("serves plink", async () => {
      const { folder } = route.user;
      await run(["puttygen", [`${folder}/id`, "-O", "private", "-o", `${folder}/id.ppk`]]);
      const port = String(route.gateway.gateway.sshAddress!.port);
      const hostKey = /SHA256:\S+/.exec(
        route.gateway.linesOf("serving SSH").map((line) => JSON.stringify(line)).join(),
      )![0]
        .replace(/[",\]].*/, "");
      const { code, stdout, stderr } = await run(["plink", [
        ...["-ssh", "-batch", "-noagent", "-hostkey", hostKey, "-i", `${folder}/id.ppk`, "-P", port],
        ...["-l", `${LOGIN}@box`, "127.0.0.1", "echo hello; exit 3"],
      ]], { env: { HOME: folder } });
      expect(new TextDecoder().decode(stdout), stderr).toBe("hello\n");
      expect(code).toBe(3);
    });
  });
});

/** Runs a command in a terminal of 80x24, which becomes one of 132x50 when the command says that it waits. */
const TERMINAL = `
import fcntl, os, pty, signal, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
size = lambda rows, columns: fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
size(24, 80)
text = b""
isResized = False
while True:
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    text += chunk
    if b"waiting" in text and not isResized:
        isResized = True
        size(50, 132)
_, status = os.waitpid(pid, 0)
sys.stdout.write(text.decode() + "code " + str(os.waitstatus_to_exitcode(status)))
`;

/** Picks the first server of the list, and has its shell say the size of the terminal, twice. */
const PORTAL = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
def size(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
def expect(wanted):
    global text
    start = len(text)
    while wanted not in text[start:]:
        text += os.read(fd, 4096)
text = b""
size(24, 80)
expect(b"box")
os.write(fd, b"\\r")
expect(b"# ")
os.write(fd, b"echo size $(stty size)\\n")
expect(b"size 24 80")
size(50, 132)
os.write(fd, b"echo size $(stty size)\\n")
expect(b"size 50 132")
os.write(fd, b"exit 9\\n")
while True:
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    text += chunk
_, status = os.waitpid(pid, 0)
sys.stdout.write(text.decode() + "code " + str(os.waitstatus_to_exitcode(status)))
`;

function readIfThere(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}
