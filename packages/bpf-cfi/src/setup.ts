// SPDX-License-Identifier: MIT
import { PACK_SIZE, CHUNK_SIZE, type Chunks } from './pack/pack.ts';

/** How the kernel is built and what it runs on. */
export interface Setup {
  /** CONFIG_CFI (CONFIG_CFI_CLANG before Linux 6.18): the compiler checks indirect calls. */
  readonly cfi: boolean;
  /** CONFIG_CFI_AUTO_DEFAULT: `cfi=auto` where the command line says nothing. Needs fineibt. */
  readonly autoDefault: boolean;
  /** CONFIG_FINEIBT. Needs cfi, ibt and padding. */
  readonly fineibt: boolean;
  /** CONFIG_FINEIBT_BHI. Needs fineibt; there since Linux 6.15. */
  readonly bhi: boolean;
  /** CONFIG_X86_KERNEL_IBT: the kernel's own code begins indirect targets with ENDBR64. */
  readonly ibt: boolean;
  /** CONFIG_CALL_PADDING: NOPs in front of every function. */
  readonly padding: boolean;
  /** CONFIG_FUNCTION_ALIGNMENT, bytes. Other than 16 only without fineibt. */
  readonly alignment: 16 | 32 | 64;
  /** CONFIG_CFI_PERMISSIVE: a failure is reported and the call made all the same. */
  readonly permissive: boolean;
  /** Indirect calls go through a retpoline that does not become a branch again. */
  readonly retpoline: boolean;
  /** Returns go through a thunk. */
  readonly returnThunk: boolean;
  /** CONFIG_MITIGATION_SLS: INT3 behind RET. */
  readonly sls: boolean;
  /** What the CPU has. */
  readonly cpu: { readonly ibt: boolean; readonly fred: boolean };
  /** What the kernel's own programs take of the first pack, by address; absent where that is nothing. */
  readonly packed?: readonly Chunks[] | undefined;
}

/**
 * What contradicts itself in a setup: `field: expected X, got Y`; undefined where nothing does.
 */
export function setupError(setup: Setup): string | undefined {
  const { cfi, ibt, padding, fineibt, bhi, alignment, autoDefault } = setup;
  if (fineibt && !(cfi && ibt && padding)) {
    return 'setup.fineibt: expected false without cfi, ibt and padding, got true';
  }
  if (autoDefault && !fineibt) {
    return 'setup.autoDefault: expected false without fineibt, got true';
  }
  if (bhi && !fineibt) return 'setup.bhi: expected false without fineibt, got true';
  if (fineibt && alignment !== 16) {
    return `setup.alignment: expected 16 with fineibt, got ${alignment}`;
  }
  return packedError(setup.packed ?? []);
}

/** Chunks of a pack lie apart from each other, and in it. */
function packedError(packed: readonly Chunks[]): string | undefined {
  let end = 0;
  for (const [index, { first, count }] of packed.entries()) {
    if (first < end) return `setup.packed[${index}].first: expected at least ${end}, got ${first}`;
    end = first + count;
  }
  const chunks = PACK_SIZE / CHUNK_SIZE;
  return end > chunks ? `setup.packed: expected at most ${chunks} chunks, got ${end}` : undefined;
}
