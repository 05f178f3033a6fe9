// SPDX-License-Identifier: MIT
import { LARGE_PAGE_SIZE, PAGE_SIZE } from './constants.ts';
import { classifyGpa, findEntry, frameKey, largePageKey } from './guest-memory.ts';
import type { Tdcall } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { Features } from './revisions.ts';
import type { SeptEntry, TdState } from './state.ts';
import { OPERAND, operandInvalid, statusWith } from './status.ts';
import { completed, inOrder, step, SUCCESS, type TdStep } from './steps.ts';

const before = inOrder(
  'accept.operand',
  'accept.gpa',
  'accept.larger-mapped',
  'accept.not-there',
  'accept.size-mismatch',
  'accept.entry-lock',
  'accept.already',
  'accept.interrupted',
  'accept.success',
);

/** Bits 11:3 and 63:52. */
const RESERVED = 0xfff0_0000_0000_0ff8n;
const GPA = 0xf_ffff_ffff_f000n;
const CHUNKS_OF_LARGE_PAGE = LARGE_PAGE_SIZE / PAGE_SIZE;

const BAD_RCX = completed(operandInvalid('RCX'));
const BUSY_RCX = completed(statusWith('TDX_OPERAND_BUSY', OPERAND.RCX));
const EPT_EXIT: Outcome = Object.freeze({ kind: 'td-exit', reason: 'ept-violation' });

/**
 * TDG.MEM.PAGE.ACCEPT (6): RCX = address | level. In the order of checks of tdg_mem_page_accept.c,
 * Intel TDX Module 1.5.01. PAGE_ALREADY_ACCEPTED is a warning, which Linux all the same takes for
 * a failure.
 */
export function pageAccept(
  td: TdState,
  { registers, interruptPending }: Tdcall,
  features: Features,
): TdStep {
  const { rcx = 0n } = registers;
  const answer = (outcome: Outcome, rule: Parameters<typeof before>[0]): TdStep =>
    step(td, outcome, rule, before(rule));

  const level = Number(rcx & 7n);
  const gpa = rcx & GPA;
  const size = level === 0 ? PAGE_SIZE : LARGE_PAGE_SIZE;
  if ((rcx & RESERVED) !== 0n || level > 1 || gpa % BigInt(size) !== 0n) {
    return answer(BAD_RCX, 'accept.operand');
  }
  if (classifyGpa(td, gpa) !== 'private') return answer(BAD_RCX, 'accept.gpa');

  const found = findEntry(td, gpa);
  if (found === undefined || found.entry.level > level) {
    if (found?.entry.state === 'mapped') {
      const already = completed(statusWith('TDX_PAGE_ALREADY_ACCEPTED', BigInt(found.entry.level)));
      return answer(already, 'accept.larger-mapped');
    }
    return level === 1 && hasSmallPages(td, gpa)
      ? answer(sizeMismatch(level), 'accept.size-mismatch')
      : answer(EPT_EXIT, 'accept.not-there');
  }
  if (found.entry.level < level) return answer(sizeMismatch(level), 'accept.size-mismatch');
  if (td.lockedEntry === found.key) return answer(BUSY_RCX, 'accept.entry-lock');
  switch (found.entry.state) {
    case 'blocked':
      return answer(EPT_EXIT, 'accept.not-there');
    case 'mapped': {
      const state = features.zeroesAccepted ? zeroed(td, gpa, size) : td;
      const already = completed(statusWith('TDX_PAGE_ALREADY_ACCEPTED', BigInt(level)));
      return step(state, already, 'accept.already', before('accept.already'));
    }
    case 'pending':
      return accept(td, found.key, found.entry, interruptPending, gpa, size);
  }
}

/** Zeroes a pending page chunk by chunk and maps it. An interrupt ends the call after one chunk. */
function accept(
  td: TdState,
  key: string,
  entry: SeptEntry,
  interruptPending: boolean,
  gpa: bigint,
  size: number,
): TdStep {
  const chunks = entry.level === 0 ? 1 : CHUNKS_OF_LARGE_PAGE;
  if (interruptPending && entry.accepted + 1 < chunks) {
    const further = { ...entry, accepted: entry.accepted + 1 };
    const state = { ...td, sept: { ...td.sept, [key]: further } };
    return step(state, { kind: 'retry' }, 'accept.interrupted', before('accept.interrupted'));
  }
  const mapped: SeptEntry = { level: entry.level, state: 'mapped', accepted: 0 };
  const state = zeroed({ ...td, sept: { ...td.sept, [key]: mapped } }, gpa, size);
  return step(state, SUCCESS, 'accept.success', before('accept.success'));
}

/** The TD without any content in a page: an absent frame is zero. */
function zeroed(td: TdState, gpa: bigint, size: number): TdState {
  const isInside = (key: string): boolean => {
    const at = BigInt(key);
    return at >= gpa && at < gpa + BigInt(size);
  };
  const frames = Object.entries(td.privateFrames).filter(([key]) => !isInside(key));
  return { ...td, privateFrames: Object.fromEntries(frames) };
}

function hasSmallPages({ sept }: TdState, gpa: bigint): boolean {
  const large = largePageKey(gpa);
  return Object.entries(sept).some(
    ([key, { level }]) =>
      level === 0 && largePageKey(BigInt(key)) === large && key === frameKey(BigInt(key)),
  );
}

function sizeMismatch(level: number): Outcome {
  return completed(statusWith('TDX_PAGE_SIZE_MISMATCH', BigInt(level)));
}
