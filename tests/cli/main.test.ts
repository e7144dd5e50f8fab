import { describe, expect, it } from "vitest";
import { commands } from "../../lib/cli/commands.ts";
import { main } from "../../lib/cli/main.ts";
import { VERSION } from "../../lib/cli/version.ts";
import { fakeIo } from "./_fake_io.ts";

async function run(line: string) {
  const io = fakeIo();
  const code = await main(line.split(" ").filter((word) => word !== ""), io);
  return { code, out: io.out(), err: io.err() };
}

describe("sallyport", () => {
  it.each(["--help", "-h", "help"])("%s lists every command", async (line) => {
    const { code, out, err } = await run(line);
    expect([code, err]).toEqual([0, ""]);
    for (const { name, summary } of commands) expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, "m"));
  });

  it("without a command says how it is used, and fails", async () => {
    const { code, out, err } = await run("");
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Usage: sallyport COMMAND");
  });

  it.each(["--version", "-v", "version"])("%s prints the version", async (line) => {
    expect(await run(line)).toEqual({ code: 0, out: `sallyport ${VERSION}\n`, err: "" });
  });

  it.each(commands.map(({ name }) => [name]))("%s --help is what help %s prints", async (name) => {
    const { code, out } = await run(`${name} --help`);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^Usage: sallyport ${name} `));
    expect(await run(`help ${name}`)).toEqual({ code, out, err: "" });
    for (const line of out.split("Examples:")[0]!.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("whoami --help", async () => {
    expect((await run("whoami --help")).out).toMatchInlineSnapshot(`
      "Usage: sallyport whoami [OPTIONS] GATEWAY-URL

      Show who you are to a gateway.

      Arguments:
        GATEWAY-URL
            The gateway, as https://host[:port]

      Options:
        --json
            Print the claims as JSON
        --alternate-ca-path FILE
            PEM file of certificate authorities to trust beside those that are trusted anyway
        --ca-cert BASE64
            The same, as base64 of the PEM text
        --disable-tls-verification
            Believe any certificate. Unsafe: whoever is on the way can read and change everything
        --client-cert FILE
            A certificate to show to the gateway, with its intermediates: PEM, or PKCS#12 (.p12)
        --client-key FILE
            Its key, in PEM; not needed when it is in the same file
        --client-cert-from-store
            Take the first certificate that fits from ~/.config/sallyport/certs, the NSS database, or the
            system
        --client-cert-password-file FILE
            The password of the key, of the .p12 file, or of the NSS database (default: ask on the
            terminal)
        --client-cert-issuer ATTR=VALUE
            Take only a certificate whose issuer has this name, such as O=Example
        --client-cert-subject ATTR=VALUE
            Take only a certificate whose subject has this name, such as CN=ann
        --service-account TOKEN
            The token of a service account, used instead of signing in and not stored [environment:
            SALLYPORT_SERVICE_ACCOUNT]
        --service-account-file FILE
            The same, from a file
        --help, -h
            Print this help
      "
    `);
  });

  it("tcp --help", async () => {
    expect((await run("tcp --help")).out).toMatchInlineSnapshot(`
      "Usage: sallyport tcp [OPTIONS] DESTINATION

      Reach a TCP service through a gateway.

      Opens a local port, or joins standard input and output, with the service of a TCP route. The first
      connection opens the browser if you are not signed in yet.

      Arguments:
        DESTINATION
            The route, as host:port or tcp+https://host:port; or, through a gateway of another name,
            tcp+https://gateway[:port]/host:port

      Options:
        --listen ADDRESS
            Where local programs connect: host:port, :port for all interfaces, or - for standard input and
            output [default: 127.0.0.1:0]
        --gateway-url, --pomerium-url URL
            The gateway, when the host of the destination does not lead to it [environment:
            SALLYPORT_GATEWAY_URL]
        --carrier NAME
            Only this version of HTTP: h3, h2 or h1. Without it they are tried in this order, and the one
            that works is remembered for an hour [environment: SALLYPORT_CARRIER]
        --alternate-ca-path FILE
            PEM file of certificate authorities to trust beside those that are trusted anyway
        --ca-cert BASE64
            The same, as base64 of the PEM text
        --disable-tls-verification
            Believe any certificate. Unsafe: whoever is on the way can read and change everything
        --client-cert FILE
            A certificate to show to the gateway, with its intermediates: PEM, or PKCS#12 (.p12)
        --client-key FILE
            Its key, in PEM; not needed when it is in the same file
        --client-cert-from-store
            Take the first certificate that fits from ~/.config/sallyport/certs, the NSS database, or the
            system
        --client-cert-password-file FILE
            The password of the key, of the .p12 file, or of the NSS database (default: ask on the
            terminal)
        --client-cert-issuer ATTR=VALUE
            Take only a certificate whose issuer has this name, such as O=Example
        --client-cert-subject ATTR=VALUE
            Take only a certificate whose subject has this name, such as CN=ann
        --browser-cmd COMMAND
            The program that opens the sign-in page; it gets the URL as its last argument
        --no-browser
            Only print the URL of the sign-in page
        --service-account TOKEN
            The token of a service account, used instead of signing in and not stored [environment:
            SALLYPORT_SERVICE_ACCOUNT]
        --service-account-file FILE
            The same, from a file
        --help, -h
            Print this help

      Examples:
        sallyport tcp redis.example.com:6379 --listen 127.0.0.1:6379
        ssh -o ProxyCommand='sallyport tcp --listen - %h:%p' ssh.example.com
      "
    `);
  });

  it.each(commands.map((command) => [command.name, command] as const))(
    "%s has no name twice",
    (_, command) => {
      const names = command.options.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
      expect(new Set([...names, "help", "h"]).size).toBe(names.length + 2);
    },
  );
});

describe("a wrong command line", () => {
  it.each([
    ["tcpp", "error: There is no command tcpp\nhint: did you mean tcp?\n"],
    ["frobnicate", "error: There is no command frobnicate\nhint: sallyport help lists the commands\n"],
    ["help frobnicate", "error: There is no command frobnicate\nhint: sallyport help lists the commands\n"],
    ["--listen tcp", "error: There is no option --listen before the command\nhint: sallyport --help\n"],
    ["tcp", "error: DESTINATION is missing\nhint: --help says what it can be\n"],
    ["tcp a:1 b:2", "error: There is an argument too many: b:2\n"],
    ["tcp a:1 --listne :1", "error: There is no option --listne\nhint: did you mean --listen?\n"],
    ["completion csh", "error: There is no completion for csh\nhint: bash, zsh or fish\n"],
    ["completion constructor", "error: There is no completion for constructor\nhint: bash, zsh or fish\n"],
    [
      "tcp redis.example.com",
      "error: The destination has no port\nhint: add the port of the route, as in redis.example.com:22\n",
    ],
    [
      "tcp redis.example.com:1 --gateway-url gw.example.com:8443",
      "error: The gateway URL is not of the form https://host[:port]\nhint: write https://gw.example.com:8443\n",
    ],
    [
      "tcp redis.example.com:1 --listen 2222",
      "error: The address to listen on is not host:port, :port or -\nhint: write 127.0.0.1:2222\n",
    ],
    ["whoami gw", "error: The gateway URL is not of the form https://host[:port]\nhint: write https://gw\n"],
    [
      "tcp a:1 --alternate-ca-path missing.pem",
      "error: Cannot read missing.pem: no such file\n",
    ],
    [
      "tcp a:1 --service-account x --service-account-file y",
      "error: Both --service-account (or SALLYPORT_SERVICE_ACCOUNT) and --service-account-file are given\n",
    ],
  ])("%s", async (line, err) => {
    expect(await run(line)).toEqual({ code: 2, out: "", err });
  });
});
