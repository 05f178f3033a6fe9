// SPDX-License-Identifier: MIT
import type { ProgramBody } from './jit-image.ts';
import type { ProgramKind } from './state.ts';
import type { StructName } from './struct-types.ts';

/** A function of C that a call leads to. */
export interface FunctionCallee {
  /** In C; tags belong to the file. */
  readonly prototype: string;
  /** Its address is taken somewhere; otherwise it is sealed. */
  readonly addressTaken: boolean;
}

/** What can be wrong with the attributes of a map of type BPF_MAP_TYPE_STRUCT_OPS. */
export const CREATE_MISTAKES = [
  'key-size',
  'entries',
  'flags',
  'value-type',
  'value-size',
  'btf',
] as const;
export type CreateMistake = (typeof CREATE_MISTAKES)[number];

/**
 * What can be wrong with a value: bytes in a hole, a state, a list entry that is not empty, unknown
 * flags, or in place of the last program something else.
 */
export const UPDATE_MISTAKES = [
  'padding',
  'state',
  'list',
  'tcp-flags',
  'no-program',
  'program-type',
] as const;
export type UpdateMistake = (typeof UPDATE_MISTAKES)[number];

/** What BTF lacks of a struct: the struct, its value type, or the value type's form. */
export const BTF_GAPS = ['struct', 'value', 'value-form'] as const;
export type BtfGap = (typeof BTF_GAPS)[number];

/** The stub of a member that a module registers. */
export interface RegisteredStub {
  /** In C. */
  readonly prototype: string;
  /** Parameters whose names end in `__nullable`, by their position. */
  readonly nullable: readonly number[];
  /** Whether the kernel's symbols and BTF have it. */
  readonly known: boolean;
}

/** A member of a struct that a module registers. */
export type RegisteredMember =
  /** A function pointer; without a stub BPF may not implement it. */
  | {
      readonly kind: 'function';
      readonly prototype: string;
      readonly stub: RegisteredStub | null;
    }
  | { readonly kind: 'data' }
  /** A pointer to struct module; `known`: BTF has that struct. */
  | { readonly kind: 'module'; readonly known: boolean }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'bit-field' };

/** When a tracing program runs: before a function, behind it, or before it and perhaps instead. */
export const TRACING_KINDS = ['fentry', 'fmod_ret', 'fexit'] as const;
export type TracingKind = (typeof TRACING_KINDS)[number];

/** What a tracing program looks at: 64 bits. */
export type Sight =
  /** A slot of its context: the arguments, and behind them the return value. */
  | { readonly kind: 'argument'; readonly index: number }
  /** bpf_get_func_arg_cnt() */
  | { readonly kind: 'count' }
  /** bpf_get_func_ip(), as a distance from the function. */
  | { readonly kind: 'address' }
  /** bpf_get_attach_cookie() */
  | { readonly kind: 'cookie' };

/** A tracing program, and what it is attached to. */
export interface TracingProgram {
  readonly program: string;
  readonly kind: TracingKind;
  /** The traced function, in C. */
  readonly function: string;
  readonly sees: Sight;
  /** What the program returns, 32 bits. */
  readonly returns: number;
  readonly sleepable: boolean;
  readonly cookie: bigint;
}

/** What can happen to a kernel. */
export type Operation =
  /**
   * The kernel boots; `cfi` is the value of its parameter, `seed` the random word that it draws.
   * `wrong`: its first preamble holds no hash.
   */
  | {
      readonly op: 'boot';
      readonly cfi?: string | undefined;
      readonly seed: number;
      readonly wrong?: 'preamble' | undefined;
    }
  /** bpf(BPF_PROG_LOAD) of a small program. */
  | {
      readonly op: 'load';
      readonly program: string;
      readonly kind: ProgramKind;
      readonly struct?: StructName | undefined;
      readonly member?: string | undefined;
      readonly sleepable?: boolean | undefined;
      /** `struct`: its attach_btf_id is a struct that BPF cannot implement. */
      readonly wrong?: 'struct' | undefined;
      /** 32 bits that the kernel draws: how far behind its header the image begins. 0 where absent. */
      readonly random?: number | undefined;
      readonly body: ProgramBody;
    }
  /** The program's descriptor is closed. */
  | { readonly op: 'unload'; readonly program: string }
  /** BPF_OBJ_GET_INFO_BY_FD: the image from its entry on; addresses as question marks. */
  | { readonly op: 'image'; readonly program: string }
  /**
   * The whole image as it lies in kernel memory, its preamble first; addresses as question marks.
   */
  | {
      readonly op: 'text';
      readonly program: string;
      /** Of its subprogram, and not its own. */
      readonly part?: 'subprogram' | undefined;
    }
  /** The slot of a program’s array of tail calls gets another program, or none. */
  | { readonly op: 'tailSet'; readonly program: string; readonly target: string | null }
  /** What lies around an image: its header, and what fills the rest. */
  | { readonly op: 'allocation'; readonly program: string }
  /** What is taken of each pack: bpf_prog_pack’s bitmaps. */
  | { readonly op: 'packs' }
  /** net.core.bpf_jit_limit is written: bytes. */
  | { readonly op: 'jitLimit'; readonly bytes: bigint }
  /** A function of C in kernel memory: its preamble, and what stands at its entry for ENDBR64. */
  | { readonly op: 'function'; readonly callee: FunctionCallee }
  /** A call site in kernel memory, by what it was compiled for; addresses as question marks. */
  | { readonly op: 'site'; readonly site: string }
  /** A checked call of a function of C, by a caller that was compiled for `site`. */
  | {
      readonly op: 'call';
      readonly site: string;
      readonly callee: FunctionCallee;
      /** A function whose pointer replaces the other one between the check and the call. */
      readonly swapped?: FunctionCallee | undefined;
    }
  /** A dispatcher calls a main program. */
  | { readonly op: 'dispatch'; readonly program: string }
  /** A helper calls a subprogram back. */
  | { readonly op: 'callback'; readonly program: string }
  /** A program jumps into another one. */
  | { readonly op: 'tailCall'; readonly program: string }
  /** The kernel destroys an object through a registered destructor. */
  | { readonly op: 'destroy' }
  /** bpf_arch_text_poke() at a program's entry; null is the NOP. */
  | {
      readonly op: 'textPoke';
      readonly program: string;
      readonly kind: 'call' | 'jmp';
      readonly from: bigint | null;
      readonly to: bigint | null;
    }
  /** bpf(BPF_MAP_CREATE). */
  | {
      readonly op: 'mapCreate';
      readonly map: string;
      readonly struct: StructName;
      readonly link: boolean;
      readonly wrong?: CreateMistake | undefined;
    }
  /** bpf(BPF_MAP_UPDATE_ELEM). */
  | {
      readonly op: 'mapUpdate';
      readonly map: string;
      readonly name: string;
      readonly members: Readonly<Record<string, string>>;
      /** The value has a module pointer in it. */
      readonly owner: boolean;
      readonly flags: number;
      readonly key: number;
      readonly wrong?: UpdateMistake | undefined;
      /** false: whoever updates has no CAP_BPF. */
      readonly capable?: boolean | undefined;
    }
  /** bpf(BPF_MAP_LOOKUP_ELEM): the map's state, and how often it is in use. */
  | { readonly op: 'mapLookup'; readonly map: string }
  /** The trampoline of a member as it lies in kernel memory; addresses as question marks. */
  | { readonly op: 'trampoline'; readonly map: string; readonly member: string }
  /** bpf(BPF_MAP_DELETE_ELEM). */
  | { readonly op: 'mapDelete'; readonly map: string }
  | { readonly op: 'linkCreate'; readonly map: string }
  /** The link's descriptor is closed. */
  | { readonly op: 'linkClose'; readonly map: string }
  /** The kernel calls a member of a registered struct. */
  | {
      readonly op: 'callMember';
      readonly map: string;
      readonly member: string;
      /** The first is 0 for NULL; otherwise an object is there. */
      readonly arguments: readonly bigint[];
    }
  /** register_bpf_struct_ops(): a module offers a struct of its own to BPF. */
  | {
      readonly op: 'registerStruct';
      readonly name: string;
      /** Whether it has a table of stubs. */
      readonly stubs: boolean;
      /** What BTF has of it; absent where it has all. */
      readonly btf?: BtfGap | undefined;
      readonly members: readonly RegisteredMember[];
    }
  /** bpf(BPF_PROG_TEST_RUN) of a program for bpf_dummy_ops. */
  | {
      readonly op: 'testRun';
      readonly program: string;
      /** One for each parameter; the first is 0 for NULL, otherwise a state is there. */
      readonly arguments: readonly bigint[];
      /** false: whoever runs it has no CAP_BPF. */
      readonly capable?: boolean | undefined;
    }
  /** bpf(BPF_PROG_LOAD) and bpf(BPF_LINK_CREATE) of a tracing program. */
  | ({
      readonly op: 'attach';
      /** As of a load. */
      readonly random?: number | undefined;
    } & TracingProgram)
  /** The descriptors of a tracing program and of its link are closed. */
  | { readonly op: 'detach'; readonly program: string }
  /**
   * The trampoline that a function calls, as it lies in kernel memory; addresses as question marks.
   */
  | { readonly op: 'tracer'; readonly function: string }
  /** A checked call of a function that may be traced; it returns the sum of its arguments. */
  | {
      readonly op: 'callTraced';
      readonly site: string;
      readonly function: string;
      /** One for each slot of 8 bytes, in the order of the parameters. */
      readonly arguments: readonly bigint[];
    }
  /** bpf(BPF_PROG_TEST_RUN) of a tracing program: the kernel calls its test functions. */
  | { readonly op: 'testRunTracing'; readonly program: string };

/** The operations of one kind. */
export type OperationOf<Op extends Operation['op']> = Extract<Operation, { readonly op: Op }>;
