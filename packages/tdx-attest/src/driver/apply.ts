// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { featuresOf } from '../revisions.ts';
import { ioctl } from './ioctl.ts';
import { bind, load, unbind, unload } from './module-life.ts';
import type { DriverOperation } from './operation.ts';
import type { DriverState } from './state.ts';
import { refuse, step, SUCCESS, type DriverStep } from './step.ts';

/**
 * The transition function of the guest driver.
 *
 * @throws RangeError where the revision is unknown
 */
export function apply(
  state: DriverState,
  operation: DriverOperation,
  revision: RevisionId,
): DriverStep {
  const features = featuresOf(revision);
  switch (operation.op) {
    case 'load':
      return load(state, operation, features);
    case 'unload':
      return unload(state);
    case 'bind':
      return bind(state, features);
    case 'unbind':
      return unbind(state, features);
    case 'ioctl':
      return ioctl(state, operation, features);
    case 'device-call': {
      if (!state.node) return refuse(state, 'ENOENT', 'device-call.no-node');
      const errno = operation.call === 'lseek' ? 'ESPIPE' : 'EINVAL';
      return refuse(state, errno, 'device-call.no-method');
    }
    case 'set-tdcall-status': {
      const { status } = operation;
      const scripted = status === state.tdcallStatus ? state : { ...state, tdcallStatus: status };
      return step(scripted, SUCCESS, 'platform.scripted');
    }
  }
}
