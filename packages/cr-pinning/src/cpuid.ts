// SPDX-License-Identifier: MIT
import { KVM_FEATURE_CR_PIN_BIT, KVM_FEATURE_MIGRATION_CONTROL_BIT } from './constants.ts';
import { hostOf } from './active.ts';
import type { Features } from './features.ts';
import type { State } from './state.ts';
import { step, type Step } from './step.ts';

/**
 * CPUID 0x40000001: EAX, as far as it concerns pinning. A newer KVM gave the bit of the posting
 * another meaning, so that a guest with the posting's code takes it for pinning.
 */
export function cpuid(state: State, features: Features): Step {
  return step(state, { kind: 'value', value: kvmFeatures(state, features) }, 'cpuid.read');
}

/** The feature bits that a guest sees. */
export function kvmFeatures(state: State, features: Features): bigint {
  switch (hostOf(state, features)) {
    case 'patched':
      return features.featureBit < 0 || state.hidesFeature ? 0n : 1n << BigInt(features.featureBit);
    case 'unpatched':
      return 0n;
    case 'mainline':
      return (
        (1n << BigInt(KVM_FEATURE_CR_PIN_BIT)) | (1n << BigInt(KVM_FEATURE_MIGRATION_CONTROL_BIT))
      );
  }
}
