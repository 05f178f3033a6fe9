// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { build } from './build.ts';
import { accessMemory } from './guest.ts';
import { actOnRunning } from './host.ts';
import type { Operation } from './operation.ts';
import { featuresOf } from './revisions.ts';
import type { TdState } from './state.ts';
import type { TdStep } from './steps.ts';
import { tdcall } from './tdcall.ts';

/**
 * The transition function of the TDX module.
 *
 * @throws RangeError where the revision is unknown
 */
export function apply(td: TdState, operation: Operation, revision: RevisionId): TdStep {
  const features = featuresOf(revision);
  switch (operation.op) {
    case 'tdcall':
      return tdcall(td, operation, features);
    case 'mng-init':
    case 'page-add':
    case 'mr-extend':
    case 'vp-init':
    case 'mr-finalize':
      return build(td, operation);
    case 'guest-read':
    case 'guest-write':
      return accessMemory(td, operation);
    case 'page-aug':
    case 'range-block':
    case 'lock-rtmr':
    case 'lock-entry':
    case 'inject-ve':
    case 'host-write':
    case 'module-update':
      return actOnRunning(td, operation);
  }
}
