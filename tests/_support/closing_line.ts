// deno-lint-ignore-file no-console -- a reporter speaks to the terminal
import type { Reporter, TestModule } from "vitest/node";

/**
 * Ends the output with `N passed, N failed, N skipped` on a line of its own, for those who read only that. Before it comes
 * every test that passed only when it was tried again.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++;
      for (const test of module.children.allTests()) {
        count[test.result().state]++;
        const name = `${test.fullName} (${module.relativeModuleId})`;
        if (test.diagnostic()?.flaky) console.log(`passed at the second try only: ${name}`);
      }
    }
    const skipped = count.skipped + count.pending;
    console.log(`${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  }
}
