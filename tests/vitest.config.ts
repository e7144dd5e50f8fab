import { defineConfig } from "vitest/config";

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  oxc: { jsx: { runtime: "automatic", importSource: "hono/jsx" } },
  test: {
    include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    // Real programs on a shared machine: one that fails is tried once more there, and named at the end if it then passes.
    retry: Deno.env.get("CI") === "true" ? 1 : 0,
    reporters: ["default", new URL("_support/closing_line.ts", import.meta.url).pathname],
  },
});
