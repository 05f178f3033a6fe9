// SPDX-License-Identifier: MIT
import { le32, repeated } from './bytes.ts';
import type { Boot } from './boot.ts';
import { endbrPoison, ENDBR64 } from './rehash.ts';
import type { Features } from './revisions.ts';
import type { Setup } from './setup.ts';

/*
 * What stands in front of a function. The compiler writes a kCFI preamble; at boot the kernel may
 * write FineIBT's over it; the BPF JIT writes either in front of what it makes.
 */

/** A kernel's build, boot and revision: what every byte depends on. */
export interface Scheme {
  readonly setup: Setup;
  readonly boot: Boot;
  readonly features: Features;
}

/** How many integer arguments a BHI preamble protects. */
export type Arity = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** NOPs between a kCFI preamble and its function: CONFIG_FUNCTION_PADDING_CFI. */
export function prefixNops({ padding, alignment }: Setup): number {
  return padding ? alignment - 5 : 0;
}

const NOP = 0x90;

/** ENDBR64. */
export const ENDBR_BYTES: readonly number[] = le32(ENDBR64);

/** A preamble and the first bytes of what it belongs to. */
export interface Preamble {
  /** In front of the entry. */
  readonly before: readonly number[];
  /** At the entry, where they differ from an unchecked function's. */
  readonly entry: readonly number[];
}

/**
 * What the compiler puts around the entry of a function, and the kernel leaves there after boot.
 *
 * @param hash as boot left it; 0 for a function that was sealed
 * @param sealed the function's address is never taken, so its ENDBR is poison
 * @param thunk distance from the end of the preamble to the arity thunk, with BHI
 */
export function functionPreamble(
  { setup, boot, features }: Scheme,
  hash: number,
  arity: Arity,
  sealed: boolean,
  thunk: number,
): Preamble {
  const poison = le32(endbrPoison(features));
  if (!setup.cfi) return { before: [], entry: setup.ibt ? (sealed ? poison : ENDBR_BYTES) : [] };
  if (boot.mode === 'FINEIBT' && !boot.failed) {
    const landing = sealed ? poison : ENDBR_BYTES;
    const check = fineibtCheck({ features, boot }, hash, arity, thunk, 'kernel');
    return { before: [...landing, ...check.before], entry: check.entry };
  }
  const before = [0xb8, ...le32(hash), ...repeated(NOP, prefixNops(setup))];
  return { before, entry: setup.ibt ? (sealed ? poison : ENDBR_BYTES) : [] };
}

/**
 * What the BPF JIT puts around the entry of an image: emit_cfi(), arch/x86/net/bpf_jit_comp.c.
 *
 * @param thunk distance from the end of the preamble to the arity thunk, with BHI
 */
export function jitPreamble(
  { setup, boot, features }: Scheme,
  hash: number,
  arity: Arity,
  thunk: number,
): Preamble {
  const endbr = setup.ibt ? ENDBR_BYTES : [];
  if (!features.preambles || !setup.cfi || boot.mode === 'OFF') return { before: [], entry: endbr };
  if (boot.mode === 'FINEIBT') {
    const check = fineibtCheck(
      { features, boot },
      hash,
      arity,
      thunk,
      features.preambleBranch === 'own' ? 'jit' : 'kernel',
    );
    return { before: [...ENDBR_BYTES, ...check.before], entry: check.entry };
  }
  const nops = setup.padding ? jitNops(setup, features) : 0;
  return { before: [0xb8, ...le32(hash), ...repeated(NOP, nops)], entry: endbr };
}

function jitNops(setup: Setup, features: Features): number {
  return features.offset === 'sixteen' ? 11 : prefixNops(setup);
}

/**
 * The twelve bytes behind ENDBR64 of a FineIBT preamble, and what replaces ENDBR64 at the entry.
 */
function fineibtCheck(
  { features, boot }: Pick<Scheme, 'features' | 'boot'>,
  hash: number,
  arity: Arity,
  thunk: number,
  writer: 'kernel' | 'jit',
): Preamble {
  const poison = le32(endbrPoison(features));
  const bhi = boot.bhi && arity > 0;
  const subR10 = [0x41, 0x81, 0xea, ...le32(hash)];
  switch (features.layout) {
    case 'linux-6.2': {
      // The kernel lands on its poison, which is a NOP; the JIT steps over its own.
      const distance = writer === 'kernel' ? 3 : 7;
      return { before: [...subR10, 0x74, distance, 0x0f, 0x0b, 0x90], entry: poison };
    }
    case 'linux-6.15': {
      if (bhi && arity === 1 && writer === 'kernel' && !boot.warn) {
        // CMOVNE RDI, R10 and a JNE into its own immediate's F5, which is CMC: the entry is overwritten.
        return {
          before: [...subR10, 0x49, 0x0f, 0x45, 0xfa, 0x75],
          entry: [0xf5, 0x0f, 0x1f, 0x00],
        };
      }
      const rest = bhi ? [0xe8, ...le32(thunk)] : [0x75, 0xf9, 0x0f, 0x1f, 0x00];
      return { before: [...subR10, ...rest], entry: poison };
    }
    case 'linux-6.18': {
      const sub = [0x2d, ...le32(hash)];
      if (bhi && arity === 1 && writer === 'kernel' && !boot.warn) {
        return { before: [...sub, 0x2e, 0x48, 0x0f, 0x45, 0xf8, 0x75, 0x03], entry: poison };
      }
      const rest = bhi ? [0x2e, 0x2e, 0xe8, ...le32(thunk)] : [0x2e, 0x0f, 0x85, ...le32(3)];
      return { before: [...sub, ...rest], entry: poison };
    }
  }
}

/** Where the hash of a function stands, from its entry: 4 bytes there. */
export function hashPosition(scheme: Scheme): number {
  const { setup, boot, features } = scheme;
  const swapped = features.hashOffset === 'swapped';
  const offset = setup.padding ? (features.offset === 'sixteen' ? 16 : setup.alignment) : 5;
  const fineibt = features.layout === 'linux-6.18' ? 5 : 7;
  const within = (boot.mode === 'FINEIBT') === swapped ? 1 : fineibt;
  return within - offset;
}
