import { describe, expect, it } from "vitest";
import type { ByteStream } from "../../lib/base/byte_stream.ts";
import { utf8 } from "../../lib/base/bytes.ts";
import { joinStreams } from "../../lib/client/join_streams.ts";
import { memoryPair } from "../base/_memory_stream.ts";
import { readText } from "./_scripted_gateway.ts";

function joined(options: { endWithTunnel?: boolean } = {}) {
  const [program, local] = memoryPair();
  const [tunnel, service] = memoryPair();
  const controller = new AbortController();
  const done = joinStreams(local, tunnel, { signal: controller.signal, ...options });
  return { program, service, controller, done };
}

describe("joinStreams()", () => {
  it("passes a half-close on and still delivers the answer", async () => {
    const { program, service, done } = joined();
    await program.write(utf8("question"));
    await program.closeWrite();
    expect(await readText(service)).toBe("question");
    const answer = readText(program);
    await service.write(utf8("answer"));
    await service.closeWrite();
    expect(await answer).toBe("answer");
    expect(await done).toBe("local");
  });

  it("goes on after the service has finished sending", async () => {
    const { program, service, done } = joined();
    await service.closeWrite();
    expect(await readText(program)).toBe("");
    const question = readText(service);
    await program.write(utf8("still here"));
    await program.closeWrite();
    expect(await question).toBe("still here");
    expect(await done).toBe("tunnel");
  });

  it("ends with the tunnel when it should", async () => {
    const { program, service, done } = joined({ endWithTunnel: true });
    const answer = readText(program);
    await service.write(utf8("bye"));
    await service.closeWrite();
    expect(await answer).toBe("bye");
    expect(await done).toBe("tunnel");
    expect(await readText(service)).toBe("");
  });

  it("sends an end to the service when it is stopped", async () => {
    const { service, controller, done } = joined();
    controller.abort();
    expect(await readText(service)).toBe("");
    await service.closeWrite();
    expect(await done).toBe("interrupted");
  });

  it("says the end before it closes the tunnel, so that the gateway sees FIN", async () => {
    const [, local] = memoryPair();
    const [tunnel, service] = memoryPair();
    const calls: string[] = [];
    const recorded = {
      read: (into: Uint8Array<ArrayBuffer>) => tunnel.read(into),
      write: (bytes: Uint8Array) => tunnel.write(bytes),
      closeWrite() {
        calls.push("closeWrite");
        return tunnel.closeWrite();
      },
      close() {
        calls.push("close");
        tunnel.close();
      },
    };
    await service.closeWrite();
    await joinStreams(local, recorded, { signal: AbortSignal.abort() });
    expect(calls).toEqual(["closeWrite", "close"]);
  });

  it("does not wait for a service that goes on sending after the stop", async () => {
    const { service, controller, done } = joined();
    controller.abort();
    expect(await readText(service)).toBe("");
    await done;
    await expect(service.write(utf8("more"))).rejects.toThrow();
  });

  const broken = (): ByteStream => ({
    read: () => Promise.reject(new Error("reset")),
    write: () => Promise.reject(new Error("reset")),
    closeWrite: () => Promise.reject(new Error("reset")),
    close() {},
  });

  it("rejects when the tunnel breaks, and closes the local end", async () => {
    const [program, local] = memoryPair();
    await expect(joinStreams(local, broken(), { signal: new AbortController().signal }))
      .rejects.toMatchObject({ code: "client/tunnel-reset", message: "The tunnel broke: reset" });
    expect(await readText(program)).toBe("");
  });

  it("does not take a broken local end for a broken tunnel", async () => {
    const [tunnel, service] = memoryPair();
    await service.closeWrite();
    const done = joinStreams(broken(), tunnel, { signal: new AbortController().signal });
    await expect(done).rejects.toThrow(/^reset$/);
    expect(await readText(service)).toBe("");
  });
});
