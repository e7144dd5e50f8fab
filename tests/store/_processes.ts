/** Runs a program in a process of its own that sees `open`, which opens the store, and `id`. */
export function startProcess(body: string, options: { open: string; id?: number }): Deno.ChildProcess {
  const urlOf = (file: string) => JSON.stringify(new URL(`../../lib/store/${file}`, import.meta.url));
  const program = `
    const { openSqliteStore } = await import(${urlOf("sqlite_store.ts")});
    const { openPostgresStore } = await import(${urlOf("postgres_store.ts")});
    const open = () => ${options.open};
    const id = ${options.id ?? 0};
    ${body}`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    cwd: new URL("../..", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** How many of 20 processes that open a store at the same time, and add a user each, succeed; and what the others say. */
export async function openTogether(open: string): Promise<{ succeeded: number; errors: string }> {
  const body = `
    await using store = await open();
    await store.addUser({ id: "user-" + id, name: "name-" + id, email: "", displayName: "", groups: [],
      passwordHash: "$", createdAt: 1 });`;
  const processes = Array.from({ length: 20 }, (_, id) => startProcess(body, { open, id }).output());
  const outputs = await Promise.all(processes);
  return {
    succeeded: outputs.filter(({ success }) => success).length,
    errors: outputs.filter(({ success }) => !success).map(({ stderr }) => new TextDecoder().decode(stderr))
      .join(""),
  };
}

/** Kills a process that adds sessions of `user-1` in a loop, and answers the ids of those that it knew to be kept. */
export async function killWriter(
  open: string,
  { afterSessions }: { afterSessions: number },
): Promise<string[]> {
  const body = `
    const store = await open();
    const line = new TextEncoder();
    for (let n = 0;; n++) {
      await Promise.all([0, 1, 2, 3].map(async (part) => {
        const id = "s" + n + "." + part;
        await store.addSession({ id, userId: "user-1", providerId: "local", claims: { n }, createdAt: n,
          expiresAt: 1e12 });
        Deno.stdout.writeSync(line.encode(id + "\\n"));
      }));
    }`;
  const process = startProcess(body, { open });
  let text = "";
  for await (const chunk of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split("\n").length > afterSessions) break;
  }
  process.kill("SIGKILL");
  const [{ signal }] = await Promise.all([process.status, process.stderr.cancel()]);
  if (signal !== "SIGKILL") throw new Error(`the writer ended by itself: ${signal}`);
  return text.split("\n").slice(0, -1);
}
