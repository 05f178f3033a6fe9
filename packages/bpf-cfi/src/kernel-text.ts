// SPDX-License-Identifier: MIT
import {
  machineState,
  mapBytes,
  mergePages,
  PAGE_SIZE,
  READ_EXECUTE,
  READ_WRITE,
  type MachineState,
  type Page,
} from '@kernel-models/hw-model/instructions';
import { FREE_BYTE } from './pack/binary.ts';
import type { Scheme } from './preamble.ts';
import type { TrampolineCalls } from './trampoline/invoke-program.ts';

/*
 * Where the model's kernel keeps things. Any addresses of a real kernel would do; these are easy to
 * read in a listing.
 */

/** The function with the call site. */
export const CALLER = 0xffff_ffff_8100_0000n;
/**
 * Functions of C, one every 512 bytes; a page of its own, so that nothing lies before a preamble.
 */
export const FUNCTIONS = 0xffff_ffff_8101_0000n;
/** Where __bpf_prog_enter_recur() and its kin lie, one every 64 bytes. */
const FENCES = 0xffff_ffff_8102_0000n;
/** __x86_indirect_thunk_r11. */
export const RETPOLINE_R11 = 0xffff_ffff_8200_0000n;
/** __x86_return_thunk. */
export const RETURN_THUNK = 0xffff_ffff_8200_0040n;
/** __bhi_args_0 and on, 32 bytes each. */
export const ARITY_THUNKS = 0xffff_ffff_8200_1000n;
/** struct bpf_tramp_image of that; nothing looks into it. */
export const TRACER_IMAGE = 0xffff_8880_0003_0000n;
/** struct bpf_prog, one every 256 bytes; nothing looks into them. */
export const PROGRAM_OBJECTS = 0xffff_c900_0010_0000n;
/** struct bpf_array, one for each program; nothing looks into them. */
export const ARRAYS = 0xffff_8880_0010_0000n;
export const ARRAY_SPACING = 0x200n;
/** An object that pointers in arguments lead to. */
export const OBJECT = 0xffff_8880_0001_0000n;
/** What an argument that is a pointer points to. */
export const ARGUMENT_OBJECT: bigint = OBJECT;
/** Where a caller keeps its function pointer. */
export const POINTER_SLOT = 0xffff_8880_0002_0000n;
export const STACK_TOP = 0xffff_c900_0000_4000n;
const STACK_SIZE = 4 * PAGE_SIZE;

/** What trampolines and images branch to. */
export const CALLS: TrampolineCalls = {
  enter: FENCES,
  exit: FENCES + 0x40n,
  sleepable: { enter: FENCES + 0x80n, exit: FENCES + 0xc0n },
  image: { enter: FENCES + 0x100n, exit: FENCES + 0x140n },
  returnThunk: RETURN_THUNK,
  arity: ARITY_THUNKS,
};

const FENCE_SIZE = 0x10;

/** The functions around programs, as kallsyms has them. */
export const FENCE_SYMBOLS: readonly Symbol[] = (
  [
    ['__bpf_prog_enter_recur', CALLS.enter],
    ['__bpf_prog_exit_recur', CALLS.exit],
    ['__bpf_prog_enter_sleepable_recur', CALLS.sleepable.enter],
    ['__bpf_prog_exit_sleepable_recur', CALLS.sleepable.exit],
    ['__bpf_tramp_enter', CALLS.image.enter],
    ['__bpf_tramp_exit', CALLS.image.exit],
  ] as const
).map(([name, address]) => ({ name, address, size: FENCE_SIZE }));

/** A named range of text, as kallsyms has it. */
export interface Symbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
}

/** Code to be mapped. */
export interface Text {
  readonly address: bigint;
  readonly bytes: readonly number[];
}

/**
 * Retpoline: CALL over a loop that catches speculation, then RET to R11. arch/x86/lib/retpoline.S.
 */
const RETPOLINE = [
  ...[0xe8, 0x07, 0x00, 0x00, 0x00, 0xf3, 0x90, 0x0f, 0xae, 0xe8, 0xeb, 0xf9],
  ...[0x4c, 0x89, 0x1c, 0x24, 0xc3],
];

/** CMOVNE of each argument register from R10, or from RAX since Linux 6.18. arch/x86/lib/bhi.S. */
function cmovs({ features }: Pick<Scheme, 'features'>): readonly (readonly number[])[] {
  const early = features.layout !== 'linux-6.18';
  const [low, high] = early ? [0x49, 0x4d] : [0x48, 0x4c];
  const rm = early ? 2 : 0;
  const registers = [7, 6, 2, 1, 0, 1, 4];
  return registers.map((register, index) => [
    index === 4 || index === 5 ? high : low,
    ...[0x0f, 0x45, 0xc0 | (register << 3) | rm],
  ]);
}

/**
 * The arity thunks: JNE to a UD2, the CMOVs that a speculating CPU executes behind it, and RET. The
 * seventh is too long for a UD2 of its own and shares that of the sixth, 7 bytes before its JNE's
 * end.
 */
function arityThunks(scheme: Scheme): Text {
  const bytes: number[] = [];
  for (let arity = 0; arity <= 7; arity += 1) {
    const moves = cmovs(scheme).slice(0, arity).flat();
    const toTrap = arity === 7 ? -7 & 0xff : moves.length + 1;
    const thunk = [0x75, toTrap, ...moves, 0xc3, ...(arity === 7 ? [] : [0x0f, 0x0b])];
    bytes.push(...thunk, ...new Array<number>(32 - thunk.length).fill(FREE_BYTE));
  }
  return { address: ARITY_THUNKS, bytes };
}

const ENDBR = [0xf3, 0x0f, 0x1e, 0xfa];

const RET = 0xc3;
/** What __bpf_prog_enter_recur() answers where the program may run: when it began. */
const MOV_EAX_1 = [0xb8, 0x01, 0x00, 0x00, 0x00];

/** Text that every kernel has. */
function fixedText(scheme: Scheme): readonly Text[] {
  const endbr = scheme.setup.ibt ? ENDBR : [];
  const { enter, exit, sleepable, image } = CALLS;
  return [
    { address: RETPOLINE_R11, bytes: RETPOLINE },
    { address: RETURN_THUNK, bytes: [0xc3, FREE_BYTE] },
    ...[enter, sleepable.enter].map((address) => ({
      address,
      bytes: [...endbr, ...MOV_EAX_1, RET],
    })),
    ...[exit, sleepable.exit, image.enter, image.exit].map((address) => ({
      address,
      bytes: [...endbr, RET],
    })),
    arityThunks(scheme),
  ];
}

const fixedPages = new Map<string, readonly Page[]>();

/**
 * The pages that do not depend on what is called; made once for each scheme that differs in them.
 */
function pagesOfFixedText(scheme: Scheme): readonly Page[] {
  const key = `${scheme.setup.ibt}/${scheme.features.layout}`;
  const known = fixedPages.get(key);
  if (known !== undefined) return known;
  let pages = mapTexts([], fixedText(scheme));
  for (const [address, size] of [
    [STACK_TOP - BigInt(STACK_SIZE), STACK_SIZE],
    [OBJECT, PAGE_SIZE],
    [POINTER_SLOT, PAGE_SIZE],
    [PROGRAM_OBJECTS, PAGE_SIZE],
  ] as const) {
    pages = mapBytes(pages, address, new Uint8Array(size), READ_WRITE);
  }
  fixedPages.set(key, pages);
  return pages;
}

/** Maps code into pages whose other bytes trap. */
function mapTexts(pages: readonly Page[], texts: readonly Text[]): readonly Page[] {
  const added = new Map<bigint, Uint8Array>();
  for (const { address, bytes } of texts) {
    for (const [index, byte] of bytes.entries()) {
      const at = address + BigInt(index);
      const page = at & ~BigInt(PAGE_SIZE - 1);
      const content = added.get(page) ?? new Uint8Array(PAGE_SIZE).fill(FREE_BYTE);
      content[Number(at - page)] = byte;
      added.set(page, content);
    }
  }
  const made = [...added].flatMap(([address, bytes]) => mapBytes([], address, bytes, READ_EXECUTE));
  return mergePages(pages, made);
}

/** A machine about to execute the caller. */
export function kernelMachine(
  scheme: Scheme,
  texts: readonly Text[],
  rip: bigint,
  registers: NonNullable<Parameters<typeof machineState>[0]['registers']>,
): MachineState {
  return machineState({
    ibt: scheme.setup.ibt && scheme.setup.cpu.ibt,
    rip,
    registers: { rsp: STACK_TOP - 0x100n, ...registers },
    pages: mapTexts(pagesOfFixedText(scheme), texts),
  });
}

/**
 * `name+0x1b/0x30`, as the kernel prints an address; the address alone where no symbol holds it.
 */
export function symbolText(symbols: readonly Symbol[], address: bigint): string {
  const symbol = symbols.find(
    (one) => address >= one.address && address < one.address + BigInt(one.size),
  );
  if (symbol === undefined) return `0x${address.toString(16)}`;
  const offset = (address - symbol.address).toString(16);
  return `${symbol.name}+0x${offset}/0x${symbol.size.toString(16)}`;
}
