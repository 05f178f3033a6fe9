// SPDX-License-Identifier: MIT
import {
  applyMessages,
  ignoredMessage,
  standardMessages,
  unknownMessage,
  warnMessage,
  type Ignored,
} from './boot-messages.ts';
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
  /** Boot tells of each of its steps. */
  readonly debug: boolean;
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

const NO_OPTIONS = { rand: false, warn: false, paranoid: false, bhi: false, debug: false };

/** __CFI_DEFAULT: what holds before the parameter is read. */
function initialOptions(setup: Setup): CfiOptions {
  return { ...NO_OPTIONS, mode: setup.autoDefault ? 'AUTO' : 'KCFI', rand: true };
}

/**
 * Applies the words of `cfi=` from left to right; the order can be seen. Mirrors
 * cfi_parse_cmdline(), arch/x86/kernel/alternative.c, which is there with CONFIG_FINEIBT.
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
  const ignore = (word: Ignored): void => {
    messages.push(ignoredMessage(word, features));
  };
  for (const word of value === undefined ? [] : value.split(',')) {
    if (!isKnown(word, features)) {
      messages.push(unknownMessage(word, features));
      continue;
    }
    switch (word) {
      case 'auto':
        options = { ...options, mode: 'AUTO' };
        break;
      case 'off':
        options = { ...options, mode: 'OFF', rand: false };
        break;
      case 'debug':
        options = { ...options, debug: true };
        break;
      case 'kcfi':
        options = { ...options, mode: 'KCFI' };
        break;
      case 'fineibt':
        options = { ...options, mode: 'FINEIBT' };
        break;
      case 'norand':
        options = { ...options, rand: false };
        break;
      case 'warn':
        messages.push(warnMessage(features));
        options = { ...options, warn: true };
        break;
      case 'paranoid':
        if (options.mode === 'FINEIBT') options = { ...options, paranoid: true };
        else ignore('paranoid');
        break;
      case 'bhi':
        if (!setup.bhi) ignore('bhi-not-built');
        else if (options.mode === 'FINEIBT') options = { ...options, bhi: true };
        else ignore('bhi');
        break;
    }
  }
  return { options, messages };
}

const WORDS = ['auto', 'off', 'kcfi', 'fineibt', 'norand'] as const;
const STRICT_WORDS = ['warn', 'paranoid', 'bhi'] as const;
type Word = (typeof WORDS)[number] | (typeof STRICT_WORDS)[number] | 'debug';

/** Whether a revision knows a word. */
function isKnown(word: string, { strictWords, bootWords }: Features): word is Word {
  const known: readonly string[] = [
    ...WORDS,
    ...(strictWords ? STRICT_WORDS : []),
    ...(bootWords === 'prefixed' ? ['debug'] : []),
  ];
  return known.includes(word);
}

/**
 * Boots: reads the parameter, resolves AUTO, draws the seed, and rewrites callers and preambles.
 * Without CONFIG_FINEIBT the kernel stays as it was compiled. Mirrors __apply_fineibt(),
 * arch/x86/kernel/alternative.c.
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
  if (!setup.cfi) return { ...NO_OPTIONS, mode: 'OFF', failed: false, seed: 0, messages: [] };
  if (!setup.fineibt) {
    const messages = standardMessages(features);
    return { ...NO_OPTIONS, mode: 'KCFI', failed: false, seed: 0, messages };
  }
  const { options, messages } = parseCfiParameter(value, setup, features);
  const resolved = resolveMode(options, setup, features);
  // Only hashing anew and FineIBT read preambles.
  const failed = brokenPreamble && (resolved.rand || resolved.mode === 'FINEIBT');
  const seed = resolved.rand ? draw >>> 0 : 0;
  const boot: Boot = { ...resolved, failed, seed, messages };
  return { ...boot, messages: [...messages, ...applyMessages(boot, resolved, features)] };
}

function resolveMode(
  options: CfiOptions,
  setup: Setup,
  features: Features,
): CfiOptions & { readonly mode: Boot['mode'] } {
  const { mode } = options;
  // A mode that the parameter names is honoured without a look at the CPU.
  if (mode !== 'AUTO') return { ...options, mode };
  if (!setup.cpu.ibt) return { ...options, mode: 'KCFI' };
  const paranoid = options.paranoid || (features.strictWords && !setup.cpu.fred);
  return { ...options, mode: 'FINEIBT', paranoid };
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
