// SPDX-License-Identifier: MIT
import { le32, repeated } from './bytes.ts';
import { callersCheck } from './boot.ts';
import { prefixNops, type Scheme } from './preamble.ts';

/*
 * A checked indirect call through r11, as the compiler emits it where retpolines are built, and as
 * the kernel leaves it after boot.
 */

/** A call site. */
export interface CallSite {
  readonly bytes: readonly number[];
  /** Where the branch begins: the check is the 14 bytes before it. */
  readonly branch: number;
  /** Where the caller's trap stands, in the trap table: a UD2, or what was one. */
  readonly trap: number | undefined;
}

/** Bytes of a check before the branch. */
export const CHECK_SIZE = 14;
/** Bytes of a check and its branch. */
export const SITE_SIZE = 20;

const CALL_R11 = [0x41, 0xff, 0xd3];
/** CALL [R12]: the call loads the pointer itself. */
const CALL_R12_MEMORY = [0x41, 0xff, 0x14, 0x24];

/**
 * The bytes of a call site for a type.
 *
 * @param hash as boot left it; 0 for a site that checks nothing
 * @param thunk distance from the end of the site to the thunk, with retpolines
 */
export function callSite(scheme: Scheme, hash: number, thunk: number): CallSite {
  const { setup, boot, features } = scheme;
  const branch = branchBytes(scheme, thunk);
  if (!setup.cfi || hash === 0) {
    return {
      bytes: [...repeated(0x90, CHECK_SIZE), ...branch],
      branch: CHECK_SIZE,
      trap: undefined,
    };
  }
  const kcfi = kcfiCheck(scheme, hash);
  if (!callersCheck(boot)) {
    // The first two bytes become a jump over the other twelve; the immediate stays.
    return site([0xeb, 0x0c, ...kcfi.slice(2)], branch);
  }
  if (boot.mode === 'KCFI') return site(kcfi, branch);
  const mov =
    features.layout === 'linux-6.18' ? [0xb8, ...le32(hash)] : [0x41, 0xba, ...le32(hash)];
  if (boot.paranoid) return paranoidSite(scheme, mov);
  const adjust =
    features.layout === 'linux-6.2' ? [0x49, 0x83, 0xeb, 0x10] : [0x4d, 0x8d, 0x5b, 0xf0];
  const nop = features.layout === 'linux-6.18' ? [0x0f, 0x1f, 0x44, 0, 0] : [0x0f, 0x1f, 0x40, 0];
  return site([...mov, ...adjust, ...nop], branch);
}

function site(check: readonly number[], branch: readonly number[]): CallSite {
  return { bytes: [...check, ...branch], branch: CHECK_SIZE, trap: CHECK_SIZE - 2 };
}

/** MOV R10D, -H; ADD R10D, [R11-d]; JE +2; UD2. */
function kcfiCheck({ setup }: Pick<Scheme, 'setup'>, hash: number): readonly number[] {
  const displacement = -(prefixNops(setup) + 4);
  return [
    ...[0x41, 0xba, ...le32(-hash)],
    ...[0x45, 0x03, 0x53, displacement & 0xff],
    ...[0x74, 0x02, 0x0f, 0x0b],
  ];
}

/** The caller compares too, and traps by a JNE into the last byte of its LEA: LOCK JNE. */
function paranoidSite({ features }: Pick<Scheme, 'features'>, mov: readonly number[]): CallSite {
  const compare =
    features.layout === 'linux-6.18' ? [0x41, 0x3b, 0x43, 0xf5] : [0x45, 0x3b, 0x53, 0xf7];
  const lea = [...(features.layout === 'linux-6.18' ? [0x2e] : []), 0x4d, 0x8d, 0x5b, 0xf0];
  const bytes = [...mov, ...compare, ...lea, 0x75, 0xfd, ...CALL_R11, 0x90];
  return { bytes, branch: CHECK_SIZE + 2, trap: CHECK_SIZE - 2 };
}

function branchBytes({ setup, features }: Scheme, thunk: number): readonly number[] {
  if (features.callUses === 'memory') return [...CALL_R12_MEMORY, 0x66, 0x90];
  if (setup.retpoline) return [0x2e, 0xe8, ...le32(thunk)];
  return [...CALL_R11, 0x0f, 0x1f, 0x00];
}
