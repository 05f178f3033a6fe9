// SPDX-License-Identifier: MIT
import { rehash } from './rehash.ts';
import type { Features } from './revisions.ts';
import type { Setup } from './setup.ts';

/** enum cfi_mode, asm/cfi.h: read back from kernels as 1, 2 and 3. */
export const CFI_MODES = ['AUTO', 'OFF', 'KCFI', 'FINEIBT'] as const;

/** The scheme that a kernel enforces. */
export type CfiMode = (typeof CFI_MODES)[number];

/** What the command line asked for. */
export interface CfiOptions {
  readonly mode: CfiMode;
  /** Hashes are randomised. */
  readonly rand: boolean;
  readonly warn: boolean;
  readonly paranoid: boolean;
  readonly bhi: boolean;
}

/** A kernel that has chosen its scheme. */
export interface Boot extends CfiOptions {
  readonly mode: Exclude<CfiMode, 'AUTO'>;
  /**
   * Rewriting stopped at a preamble without a hash: callers stay disabled, and functions of C as
   * they were compiled, while the JIT goes by the mode. The kernel runs without CFI.
   */
  readonly failed: boolean;
  /** What hashes are changed by; 0 where they are not. */
  readonly seed: number;
  /** What the kernel logged, in order. */
  readonly messages: readonly string[];
}

/** Whether call sites check anything. */
export function callersCheck({ mode, failed }: Boot): boolean {
  return mode !== 'OFF' && !failed;
}

/** Whether an AUTO ends in an enforcing scheme. */
function initialOptions(setup: Setup): CfiOptions {
  const mode = setup.autoDefault ? 'AUTO' : setup.cfi ? 'KCFI' : 'OFF';
  return { mode, rand: true, warn: false, paranoid: false, bhi: false };
}

/**
 * Applies the words of `cfi=` from left to right; the order can be seen. Mirrors
 * cfi_parse_cmdline(), arch/x86/kernel/alternative.c.
 *
 * @param value what stands behind `cfi=`; undefined where the parameter is absent
 */
export function parseCfiParameter(
  value: string | undefined,
  setup: Setup,
  features: Features,
): { readonly options: CfiOptions; readonly messages: readonly string[] } {
  const messages: string[] = [];
  let options = initialOptions(setup);
  const ignore = (message: string): void => {
    messages.push(`Ignoring ${message}`);
  };
  for (const word of value === undefined ? [] : value.split(',')) {
    switch (word) {
      case 'auto':
        options = { ...options, mode: 'AUTO' };
        continue;
      case 'off':
        options = { ...options, mode: 'OFF', rand: false };
        continue;
      case 'kcfi':
        options = { ...options, mode: 'KCFI' };
        continue;
      case 'fineibt':
        options = { ...options, mode: 'FINEIBT' };
        continue;
      case 'norand':
        options = { ...options, rand: false };
        continue;
      default:
    }
    const strict = features.strictWords ? word : undefined;
    if (strict === 'warn') options = { ...options, warn: true };
    else if (strict === 'paranoid') {
      if (options.mode === 'FINEIBT') options = { ...options, paranoid: true };
      else ignore('paranoid; depends on fineibt.');
    } else if (strict === 'bhi') {
      if (!setup.bhi) ignore('bhi; depends on FINEIBT_BHI=y.');
      else if (options.mode === 'FINEIBT') options = { ...options, bhi: true };
      else ignore('bhi; depends on fineibt.');
    } else ignore(`unknown cfi option (${word}).`);
  }
  return { options, messages };
}

/**
 * Boots: reads the parameter, resolves AUTO, draws the seed, and rewrites callers and preambles.
 * Mirrors __apply_fineibt(), arch/x86/kernel/alternative.c.
 *
 * @param draw the random word that this boot gets; used only with randomisation
 * @param brokenPreamble the first preamble that is looked at holds no hash
 */
export function bootKernel(
  setup: Setup,
  value: string | undefined,
  draw: number,
  features: Features,
  brokenPreamble = false,
): Boot {
  if (!setup.cfi) {
    const none = { rand: false, warn: false, paranoid: false, bhi: false };
    return { ...none, mode: 'OFF', failed: false, seed: 0, messages: [] };
  }
  const { options, messages } = parseCfiParameter(value, setup, features);
  const resolved = resolveMode(options, setup, features);
  const { mode, paranoid, bhi } = resolved;
  // Only hashing anew and FineIBT read preambles; without FineIBT nothing is rewritten.
  const failed = brokenPreamble && setup.fineibt && (resolved.rand || mode === 'FINEIBT');
  return {
    ...resolved,
    failed,
    seed: resolved.rand ? draw >>> 0 : 0,
    messages: [...messages, failed ? FAILED : modeMessage(mode, paranoid, bhi, features)],
  };
}

function resolveMode(
  options: CfiOptions,
  setup: Setup,
  features: Features,
): CfiOptions & { readonly mode: Boot['mode'] } {
  const { mode } = options;
  if (mode === 'FINEIBT') {
    // The parameter is honoured without looking at the CPU; what was not built cannot be chosen.
    return { ...options, mode: setup.fineibt ? 'FINEIBT' : 'KCFI' };
  }
  if (mode !== 'AUTO') return { ...options, mode };
  if (!setup.fineibt || !setup.cpu.ibt) return { ...options, mode: 'KCFI' };
  const paranoid = options.paranoid || (features.strictWords && !setup.cpu.fred);
  return { ...options, mode: 'FINEIBT', paranoid };
}

const FAILED = 'Something went horribly wrong trying to rewrite the CFI implementation.';

function modeMessage(
  mode: Boot['mode'],
  paranoid: boolean,
  bhi: boolean,
  features: Features,
): string {
  if (mode === 'OFF') return 'Disabling CFI';
  if (mode === 'KCFI') return 'Using kCFI';
  if (!features.strictWords) return 'Using FineIBT CFI';
  return `Using ${paranoid ? 'paranoid ' : ''}FineIBT${bhi ? '+BHI' : ''} CFI`;
}

/** The hash that functions and callers of a type have after boot. */
export function bootHash({ rand, seed }: Boot, hash: number, features: Features): number {
  return rand ? rehash(hash, seed, features) : hash;
}

/**
 * cfi_get_offset(): bytes from the start of an image to its entry. asm/cfi.h.
 */
export function cfiGetOffset(setup: Setup, { mode }: Boot, features: Features): number {
  if (!setup.cfi || mode === 'OFF') return 0;
  if (!setup.padding) return 5;
  return features.offset === 'sixteen' ? 16 : setup.alignment;
}
