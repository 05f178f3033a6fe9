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

/** What can happen to a kernel. */
export type Operation =
  /** The kernel boots; `cfi` is the value of its parameter, `seed` the random word that it draws. */
  | { readonly op: 'boot'; readonly cfi?: string | undefined; readonly seed: number }
  /** bpf(BPF_PROG_LOAD) of a small program. */
  | {
      readonly op: 'load';
      readonly program: string;
      readonly kind: ProgramKind;
      readonly struct?: StructName | undefined;
      readonly member?: string | undefined;
      readonly sleepable?: boolean | undefined;
      readonly body: ProgramBody;
    }
  /** The program's descriptor is closed. */
  | { readonly op: 'unload'; readonly program: string }
  /** BPF_OBJ_GET_INFO_BY_FD: the image from its entry on; addresses as question marks. */
  | { readonly op: 'image'; readonly program: string }
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
    }
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
      /** The members' prototypes, in C. */
      readonly members: readonly string[];
    }
  /** bpf(BPF_PROG_TEST_RUN) of a program for bpf_dummy_ops. */
  | {
      readonly op: 'testRun';
      readonly program: string;
      /** One for each parameter; the first is 0 for NULL, otherwise a state is there. */
      readonly arguments: readonly bigint[];
    };

/** The operations of one kind. */
export type OperationOf<Op extends Operation['op']> = Extract<Operation, { readonly op: Op }>;
