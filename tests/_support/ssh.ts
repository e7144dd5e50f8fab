import { FormBrowser } from "./form_browser.ts";
import { PASSWORD, type TestGateway, until } from "./test_gateway.ts";

/** What `ssh` said in the end. */
export interface SshResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An `ssh` under way. Disposing it ends it. */
export class RunningSsh implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly ended: Promise<SshResult>;
  stdout = "";
  stderr = "";

  constructor(process: Deno.ChildProcess) {
    this.process = process;
    const collect = async (stream: ReadableStream<Uint8Array>, take: (text: string) => void) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream() as never)) {
        take(text as unknown as string);
      }
    };
    const read = Promise.all([
      collect(process.stdout, (text) => this.stdout += text),
      collect(process.stderr, (text) => this.stderr += text),
    ]);
    this.ended = Promise.all([read, process.status]).then(([, { code }]) => ({
      code,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** The address that it asks a person to open. */
  async signInUrl(): Promise<string> {
    return await until(() => /https:\/\/\S+user_code=[\w-]{22}/.exec(this.stderr)?.[0]);
  }

  /** Waits for a text among what it shows. */
  async shows(text: string): Promise<void> {
    await until(() => (this.stdout + this.stderr).includes(text) || undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.ended;
  }
}

/** A person with a folder of keys and an SSH client that asks nothing about hosts. */
export class SshUser implements AsyncDisposable {
  readonly folder: string;
  readonly #port: number;

  constructor(folder: string, port: number) {
    this.folder = folder;
    this.#port = port;
  }

  /** A person with one key, `id`. */
  static async create(gateway: TestGateway): Promise<SshUser> {
    const folder = await Deno.makeTempDir({ prefix: "sallyport-ssh-" });
    const user = new SshUser(folder, gateway.gateway.sshAddress!.port);
    await user.keygen("-q", "-t", "ed25519", "-N", "", "-f", "id");
    return user;
  }

  /** Runs `ssh-keygen` in the folder. @returns what it printed */
  async keygen(...args: string[]): Promise<string> {
    const command = new Deno.Command("ssh-keygen", { args, cwd: this.folder, stdin: "null" });
    const { success, stdout, stderr } = await command.output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  }

  /** What the key `key` is known by. */
  async fingerprint(key = "id"): Promise<string> {
    return /SHA256:\S+/.exec(await this.keygen("-l", "-f", `${key}.pub`))![0];
  }

  /** The options with which `ssh` reaches the gateway with the key `key`. */
  options(key = "id"): string[] {
    const settings = [
      "StrictHostKeyChecking=no",
      "UserKnownHostsFile=/dev/null",
      "IdentitiesOnly=yes",
      "IdentityAgent=none",
      "LogLevel=INFO",
    ];
    const options = settings.flatMap((setting) => ["-o", setting]);
    return ["-F", "none", ...options, "-i", `${this.folder}/${key}`, "-p", String(this.#port)];
  }

  /** Starts `ssh`. @param args after the options, such as `["ada@127.0.0.1", "whoami"]` */
  start(args: readonly string[], { key = "id", stdin = "null" as "null" | "piped" } = {}): RunningSsh {
    const command = new Deno.Command("ssh", {
      args: [...this.options(key), ...args],
      stdin,
      stdout: "piped",
      stderr: "piped",
    });
    return new RunningSsh(command.spawn());
  }

  /** Runs `ssh` to its end. */
  async run(args: readonly string[], options: { key?: string } = {}): Promise<SshResult> {
    await using ssh = this.start(args, options);
    return await ssh.ended;
  }

  /** Runs `ssh` to its end, and signs in at the address that it asks to open. `browser`: default a fresh one */
  async signIn(
    gateway: TestGateway,
    { name, browser, remember = false, key = "id", args = [`${name}@127.0.0.1`, "whoami"] }: {
      name: string;
      browser?: FormBrowser;
      remember?: boolean;
      key?: string;
      args?: readonly string[];
    },
  ): Promise<SshResult> {
    await using ssh = this.start(args, { key });
    using fresh = new FormBrowser({ caPem: gateway.caPem });
    const url = await ssh.signInUrl();
    const page = await approve(browser ?? fresh, { url, name, remember });
    if (page.status !== 200) throw new Error(`the page of ${url} says ${page.status} ${page.text}`);
    return await ssh.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Opens the address of a terminal that waits, signs in, and answers the question. @returns the last page */
export async function approve(
  browser: FormBrowser,
  { url, name, remember = false, confirm = true }: {
    url: string;
    name: string;
    remember?: boolean;
    confirm?: boolean;
  },
): Promise<{ status: number; text: string }> {
  let page = await browser.open(url);
  if (page.text.includes('name="password"')) {
    page = await browser.signIn(page.url, { name, password: PASSWORD });
  }
  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1];
  if (csrf === undefined || !page.text.includes('name="confirm"')) {
    return { status: page.response.status, text: page.text };
  }
  const body = new URLSearchParams({ csrf, confirm: String(confirm) });
  if (remember) body.set("create_id_binding", "true");
  const { response, text } = await browser.open(page.url, { method: "POST", body });
  return { status: response.status, text };
}
