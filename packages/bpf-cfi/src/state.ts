// SPDX-License-Identifier: MIT
import type { Boot } from './boot.ts';
import type { ProgramBody } from './jit-image.ts';
import type { TracingProgram } from './operation.ts';
import type { Place } from './pack/binary.ts';
import { bootMemory, type JitMemory } from './pack/jit-memory.ts';
import type { TrampolineImage } from './pack/trampoline-image.ts';
import type { Setup } from './setup.ts';
import type { StructName } from './struct-types.ts';

/** What a program is to its callers. */
export type ProgramKind = 'main' | 'subprogram' | 'struct_ops';

/** A loaded program. */
export interface Program {
  readonly kind: ProgramKind;
  /** Of a struct_ops program: what it implements. */
  readonly struct: StructName | undefined;
  readonly member: string | undefined;
  readonly body: ProgramBody;
  /** Of struct bpf_prog, among those of all programs. */
  readonly slot: number;
  /** Where its image lies, or lay. */
  readonly place: Place;
  /** Where that of its subprogram does; null where it has none. */
  readonly subprogram: Place | null;
  /** The program in its array of tail calls. */
  readonly tail: string | null;
  /** `freed`: the image is free space. `leaked`: it was to be freed and is still there. */
  readonly image: 'live' | 'freed' | 'leaked';
  /** Its descriptor is open. */
  readonly open: boolean;
  /** The descriptor, each map that uses it, and each array that it is in. */
  readonly references: number;
  /** What the patch site holds; null for its NOP. */
  readonly patch: { readonly kind: 'call' | 'jmp'; readonly target: bigint } | null;
}

/** BPF_STRUCT_OPS_STATE_*, include/linux/bpf.h. */
export const MAP_STATES = ['INIT', 'INUSE', 'TOBEFREE', 'READY'] as const;
export type MapState = (typeof MAP_STATES)[number];

/** A map of type BPF_MAP_TYPE_STRUCT_OPS. */
export interface StructMap {
  readonly struct: StructName;
  /** BPF_F_LINK. */
  readonly link: boolean;
  readonly state: MapState;
  /** The pages that it has taken for trampolines. */
  readonly pages: readonly bigint[];
  /** Where each member's trampoline lies, with its slack. */
  readonly trampolines: Readonly<Record<string, TrampolineImage>>;
  /** The name that it registers under; empty where it has none. */
  readonly name: string;
  /** The programs behind its members, which it holds for as long as it is there; empty in INIT. */
  readonly members: Readonly<Record<string, string>>;
  /** A link of it is open. */
  readonly linked: boolean;
}

/** A tracing program and the link that attaches it. */
export interface TracingLink extends TracingProgram {
  /** Of struct bpf_prog, among those of tracing programs. */
  readonly slot: number;
  readonly place: Place;
}

/** A kernel, from its start on. */
export interface State {
  readonly setup: Setup;
  /** Null before the kernel has booted. */
  readonly boot: Boot | null;
  readonly programs: Readonly<Record<string, Program>>;
  readonly maps: Readonly<Record<string, StructMap>>;
  /** Names of registered congestion control algorithms: the built-in one, and those of BPF. */
  readonly registered: readonly string[];
  /** Tracing programs that are attached, the newest first: the order in which they run. */
  readonly tracing: readonly TracingLink[];
  /** The trampolines of traced functions, by the functions' names. */
  readonly tracers: Readonly<Record<string, TrampolineImage>>;
  readonly memory: JitMemory;
}

/** Every kernel has it. Origin: tcp_init(), net/ipv4/tcp.c, Linux 6.12. */
const BUILT_IN_ALGORITHM = 'reno';

/** A kernel before it boots. */
export function initial(setup: Setup): State {
  return {
    setup,
    boot: null,
    programs: {},
    maps: {},
    registered: [BUILT_IN_ALGORITHM],
    tracing: [],
    tracers: {},
    memory: bootMemory(setup.packed ?? []),
  };
}
