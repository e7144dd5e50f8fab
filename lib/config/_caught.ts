/** What `run` returns, or the error that it throws if that is a `kind`; any other error is thrown on. */
export function caught<T, E extends Error>(run: () => T, kind: abstract new (...args: never[]) => E): T | E {
  try {
    return run();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
}
