// SPDX-License-Identifier: MIT
import type { Features } from './revisions.ts';
import type { State, Task } from './state.ts';

/** What every check looks at: the world, who asks, and on which kernel. */
export interface Context {
  readonly state: State;
  readonly task: Task;
  readonly features: Features;
}
