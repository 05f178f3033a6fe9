// SPDX-License-Identifier: MIT
import type { Boot } from './boot.ts';
import type { ProgramBody } from './jit-image.ts';
import type { TracingProgram } from './operation.ts';
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
  /** Its place in the pack. */
  readonly slot: number;
  /** `freed`: the image is free space. `leaked`: it was to be freed and is still there. */
  readonly image: 'live' | 'freed' | 'leaked';
  /** Its descriptor is open. */
  readonly open: boolean;
  /** The descriptor and each map that uses it. */
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
  /** Its place among the trampoline pages. */
  readonly slot: number;
  /** The name that it registers under; empty where it has none. */
  readonly name: string;
  /** The programs behind its members, which it holds for as long as it is there; empty in INIT. */
  readonly members: Readonly<Record<string, string>>;
  /** A link of it is open. */
  readonly linked: boolean;
}

/** A tracing program and the link that attaches it. */
export interface TracingLink extends TracingProgram {
  /** The program's place among tracing programs. */
  readonly slot: number;
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
  };
}
