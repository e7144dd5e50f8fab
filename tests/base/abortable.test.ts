import { describe, expect, it } from "vitest";
import { abortable } from "../../lib/base/abortable.ts";

const never = new Promise<never>(() => {});

describe("abortable()", () => {
  it("resolves to what the work does", async () => {
    expect(await abortable(Promise.resolve(7), new AbortController().signal)).toBe(7);
  });

  it("rejects with what the work does", async () => {
    const failing = Promise.reject(new Error("broken"));
    await expect(abortable(failing, new AbortController().signal)).rejects.toThrow("broken");
  });

  it("rejects with the reason when the signal comes first", async () => {
    const abort = new AbortController();
    const waiting = abortable(never, abort.signal);
    abort.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
  });

  it("rejects at once when the signal was given before", async () => {
    await expect(abortable(never, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
  });

  it("lets nobody hear of work that fails after it was given up", async () => {
    const unheard: unknown[] = [];
    const listen = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      unheard.push(event.reason);
    };
    addEventListener("unhandledrejection", listen);
    const work = Promise.withResolvers<never>();
    await expect(abortable(work.promise, AbortSignal.abort(new Error("given up")))).rejects.toThrow();
    work.reject(new Error("late"));
    await new Promise((resolve) => setTimeout(resolve));
    removeEventListener("unhandledrejection", listen);
    expect(unheard).toEqual([]);
  });

  it("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    const listeners = { added: 0, removed: 0 };
    const counting = new Proxy(signal, {
      get(target, key) {
        if (key === "addEventListener") listeners.added++;
        if (key === "removeEventListener") listeners.removed++;
        const value = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    await abortable(Promise.resolve(), counting);
    expect(listeners).toEqual({ added: 1, removed: 1 });
  });
});
