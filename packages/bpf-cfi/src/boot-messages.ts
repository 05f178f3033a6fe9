// SPDX-License-Identifier: MIT
import type { Boot, CfiOptions } from './boot.ts';
import type { Features } from './revisions.ts';

/*
 * What a kernel logs of CFI while it boots: cfi_parse_cmdline() and __apply_fineibt(),
 * arch/x86/kernel/alternative.c, behind `SMP alternatives: `. Linux 6.18 words it anew
 * (Message-ID 20250904034656.3670313-4-kees@kernel.org), and tells of each step where it is asked to.
 */

/** Why a word of the parameter is ignored. */
export type Ignored = 'paranoid' | 'bhi' | 'bhi-not-built';

const IGNORED: Readonly<Record<Ignored, string>> = {
  paranoid: 'paranoid; depends on fineibt.',
  bhi: 'bhi; depends on fineibt.',
  'bhi-not-built': 'bhi; depends on FINEIBT_BHI=y.',
};

/** A word of the parameter that depends on something that is not there. */
export function ignoredMessage(word: Ignored, { bootWords }: Features): string {
  return `${bootWords === 'prefixed' ? 'CFI: ignoring' : 'Ignoring'} ${IGNORED[word]}`;
}

/** A word of the parameter that the kernel does not know. */
export function unknownMessage(word: string, { bootWords }: Features): string {
  return bootWords === 'prefixed'
    ? `CFI: Ignoring unknown option (${word}).`
    : `Ignoring unknown cfi option (${word}).`;
}

/** `cfi=warn`. */
export function warnMessage({ bootWords }: Features): string {
  return bootWords === 'prefixed' ? 'CFI: mismatch non-fatal!' : 'CFI mismatch non-fatal!';
}

const FAILED = 'Something went horribly wrong trying to rewrite the CFI implementation.';

/** The last word: what was chosen, or that rewriting failed. */
function lastMessage({ mode, failed, rand, paranoid, bhi }: Boot, features: Features): string {
  if (failed) return FAILED;
  const prefixed = features.bootWords === 'prefixed';
  if (mode === 'OFF') return prefixed ? 'CFI: disabled' : 'Disabling CFI';
  if (mode === 'KCFI') {
    return prefixed ? `CFI: Using ${rand ? 'rehashed ' : ''}retpoline kCFI` : 'Using kCFI';
  }
  if (!features.strictWords) return 'Using FineIBT CFI';
  return `Using ${paranoid ? 'paranoid ' : ''}FineIBT${bhi ? '+BHI' : ''} CFI`;
}

/** The steps of __apply_fineibt() that `cfi=debug` tells of; the last is the one that failed. */
function stepMessages({ mode, failed, rand, seed }: Boot): readonly string[] {
  const steps = ['disabling all indirect call checking'];
  if (rand) {
    steps.push(`cfi_seed: 0x${seed.toString(16).padStart(8, '0')}`, 'rehashing all preambles');
    if (failed) return steps;
    steps.push('rehashing all indirect calls');
  } else steps.push('rehashing disabled');
  if (mode === 'KCFI') steps.push('re-enabling all indirect call checking');
  if (mode === 'FINEIBT') {
    steps.push('adding FineIBT to all preambles');
    if (failed) return steps;
    steps.push('rewriting indirect call sites to use FineIBT', 'removing old endbr insns');
  }
  return steps;
}

/** What __apply_fineibt() logs, in order. */
export function applyMessages(
  boot: Boot,
  { debug }: Pick<CfiOptions, 'debug'>,
  features: Features,
): readonly string[] {
  const steps = debug ? stepMessages(boot).map((step) => `CFI: ${step}`) : [];
  return [...steps, lastMessage(boot, features)];
}

/** What a kernel logs that cannot change its callers: without CONFIG_FINEIBT. */
export function standardMessages({ bootWords }: Features): readonly string[] {
  return bootWords === 'prefixed' ? ['CFI: Using standard kCFI'] : [];
}
