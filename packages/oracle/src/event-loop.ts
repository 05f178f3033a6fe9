// SPDX-License-Identifier: MIT

/** Milliseconds of work after which the rest of the process gets its turn. */
const TURN_INTERVAL = 50;

/**
 * Long work that never waits leaves no turn to anything else: a signal of the process, such as
 * Ctrl-C, would be seen only after its end.
 *
 * @returns a function to await between two steps of the work; now and then it gives up a turn
 */
export function turnGiver(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < TURN_INTERVAL) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        last = performance.now();
        resolve();
      });
    });
  };
}
