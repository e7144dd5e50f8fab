import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concatBytes } from "../../../lib/base/bytes.ts";
import { sshString, sshUint32 } from "../../../lib/codec/ssh_wire.ts";
import { hasPeer, requirePeer } from "../../_support/peers.ts";
import { run } from "../../_support/programs.ts";
import { commandMeta, eventsOf, testRecorder } from "./_recorder.ts";

const SERVER = "/usr/lib/openssh/sftp-server";
const hasSftp = requirePeer("sftp") && hasPeer("tee") && hasServer();
let folder: string;

function hasServer(): boolean {
  try {
    return Deno.statSync(SERVER).isFile;
  } catch {
    return false;
  }
}

beforeAll(async () => {
  folder = await Deno.makeTempDir();
});
afterAll(() => Deno.remove(folder, { recursive: true }));

/** What the two ends sent while OpenSSH's `sftp` did these commands. */
async function session(commands: string): Promise<{ sent: Uint8Array; answered: Uint8Array }> {
  const shim = `${folder}/server`;
  await Deno.writeTextFile(shim, `#!/bin/sh\ntee ${folder}/sent | ${SERVER} | tee ${folder}/answered\n`);
  await Deno.chmod(shim, 0o755);
  await Deno.writeTextFile(`${folder}/batch`, commands);
  const { code, stderr } = await run(["sftp", ["-D", shim, "-b", `${folder}/batch`]]);
  expect(code, stderr).toBe(0);
  return { sent: await Deno.readFile(`${folder}/sent`), answered: await Deno.readFile(`${folder}/answered`) };
}

async function recorded({ sent, answered }: { sent: Uint8Array; answered: Uint8Array }, chunk = 4096) {
  await using test = await testRecorder();
  const recording = await test.recorder.begin(commandMeta("subsystem", "sftp"));
  for (let at = 0; at < sent.length; at += chunk) recording.input(sent.subarray(at, at + chunk));
  for (let at = 0; at < answered.length; at += chunk) recording.output(answered.subarray(at, at + chunk));
  await recording.end({ code: 0 });
  return eventsOf(test.lines());
}

/** Packet of a client or server. */
function packet(type: number, ...fields: Uint8Array[]): Uint8Array {
  return sshString(concatBytes([new Uint8Array([type]), ...fields]));
}

const INIT = packet(1, sshUint32(3));
const open = (id: number, path: string, flags = 1) =>
  packet(3, sshUint32(id), sshString(path), sshUint32(flags), sshUint32(0));
const handle = (id: number, name: string) => packet(102, sshUint32(id), sshString(name));

describe("an SFTP session", () => {
  it.skipIf(!hasSftp).each([1, 7, 32_768])(
    "of OpenSSH is told as what it does, in pieces of %i bytes",
    async (chunk) => {
      const down = `${folder}/down`;
      await Deno.writeTextFile(`${folder}/up.txt`, "u".repeat(100_001));
      await Deno.writeFile(`${folder}/remote.bin`, new Uint8Array(300_000));
      await Deno.remove(`${folder}/dir`, { recursive: true }).catch(() => {});
      const wire = await session(`
mkdir ${folder}/dir
put ${folder}/up.txt ${folder}/dir/ünë.txt
get ${folder}/remote.bin ${down}
chmod 640 ${folder}/dir/ünë.txt
rename ${folder}/dir/ünë.txt ${folder}/dir/b
symlink ${folder}/dir/b ${folder}/dir/link
ln ${folder}/dir/b ${folder}/dir/hard
-rm ${folder}/dir/none
rm ${folder}/dir/link
rm ${folder}/dir/hard
rm ${folder}/dir/b
ls ${folder}/dir
rmdir ${folder}/dir
`);
      const events = await recorded(wire, chunk);
      const dir = `${folder}/dir`;
      const seen = events.filter(({ event }) => event !== "list");
      expect(seen).toEqual(expect.arrayContaining([
        { event: "mkdir", path: dir, status: "ok" },
        { event: "open", path: `${dir}/ünë.txt`, flags: ["write", "create", "truncate"], status: "ok" },
        { event: "close", path: `${dir}/ünë.txt`, bytes_read: 0, bytes_written: 100_001, status: "ok" },
        { event: "open", path: `${folder}/remote.bin`, flags: ["read"], status: "ok" },
        { event: "close", path: `${folder}/remote.bin`, bytes_read: 300_000, bytes_written: 0, status: "ok" },
        expect.objectContaining({ event: "setstat", path: `${dir}/ünë.txt`, mode: "0640", status: "ok" }),
        { event: "rename", path: `${dir}/ünë.txt`, target: `${dir}/b`, status: "ok" },
        { event: "symlink", path: `${dir}/link`, target: `${dir}/b`, status: "ok" },
        { event: "hardlink", path: `${dir}/hard`, target: `${dir}/b`, status: "ok" },
        { event: "remove", path: `${dir}/b`, status: "ok" },
        { event: "rmdir", path: dir, status: "ok" },
      ]));
      expect(events).toContainEqual({ event: "list", path: expect.stringContaining(dir), status: "ok" });
      expect(events.at(-1)).toEqual({
        event: "exit",
        code: 0,
        bytes_in: wire.sent.length,
        bytes_out: wire.answered.length,
      });
      expect(events.map(({ event }) => event)).not.toContain("unreadable");
    },
  );

  it("tells of files that were still open, and of requests without answer", async () => {
    const sent = concatBytes([
      INIT,
      open(1, "/a", 2),
      open(2, "/b"),
      packet(13, sshUint32(3), sshString("/c")),
    ]);
    expect((await recorded({ sent, answered: handle(1, "h") })).slice(0, -1)).toEqual([
      { event: "open", path: "/a", flags: ["write"], status: "ok" },
      { event: "open", path: "/b", flags: ["read"], status: "unknown" },
      { event: "remove", path: "/c", status: "unknown" },
      { event: "close", path: "/a", bytes_read: 0, bytes_written: 0, status: "unknown" },
    ]);
  });

  it("hides no request that takes the number of another, and none among 10,000", async () => {
    const count = 10_000;
    const twice = concatBytes([open(1, "/first"), open(1, "/second")]);
    const names = (events: Record<string, unknown>[]) =>
      events.filter(({ event }) => event === "open").map(({ path }) => path);
    expect(names(await recorded({ sent: twice, answered: new Uint8Array() }))).toEqual(["/first", "/second"]);
    const many = concatBytes(Array.from({ length: count }, (_, index) => open(index, `/${index}`)));
    expect(names(await recorded({ sent: many, answered: new Uint8Array() }))).toHaveLength(count);
  });

  it.each([
    ["a length of 0", new Uint8Array([0, 0, 0, 0, 1])],
    ["a length of 2 GiB", new Uint8Array([0x80, 0, 0, 0, 1])],
    ["an open without its path", packet(3, sshUint32(1), sshUint32(900))],
    ["a path of 100,000 characters", open(1, "x".repeat(100_000))],
  ])("says that it cannot be read: %s", async (_, sent) => {
    const events = await recorded({ sent, answered: new Uint8Array() });
    expect(events[0]).toEqual({ event: "unreadable", from: "client" });
  });

  it("of any bytes is only counted, never a fault", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 300 }),
        async (sent, answered) => {
          const events = await recorded({ sent, answered }, 13);
          expect(events.at(-1)).toMatchObject({
            event: "exit",
            bytes_in: sent.length,
            bytes_out: answered.length,
          });
        },
      ),
      { numRuns: 100 },
    );
  });
});
