// SPDX-License-Identifier: MIT
import { VOID } from '../c/builtins.ts';
import { layoutOf } from '../c/layout.ts';
import { unqualified } from '../c/type.ts';
import { prototype } from '../prototypes.ts';
import type { Features } from '../revisions.ts';

/** A parameter, as far as a trampoline must know it. */
export interface ArgumentModel {
  /** Bytes, 1 to 16. */
  readonly size: number;
  /** A struct or union passed by value. */
  readonly aggregate: boolean;
}

/** A function as BTF models it: struct btf_func_model. */
export interface FunctionModel {
  /** Bytes; 0 where nothing is returned. */
  readonly returnSize: number;
  readonly arguments: readonly ArgumentModel[];
}

/** A function's model, from its declaration in C. btf_distill_func_proto(), kernel/bpf/btf.c. */
export function functionModel(source: string): FunctionModel {
  const { parameters, returns } = prototype(source);
  return {
    returnSize: unqualified(returns) === VOID ? 0 : (layoutOf(returns)?.size ?? 0),
    arguments: parameters.map((type) => {
      const plain = unqualified(type);
      return {
        size: layoutOf(type)?.size ?? 8,
        aggregate: plain.kind === 'tag' && plain.tag !== 'enum',
      };
    }),
  };
}

/** MAX_BPF_FUNC_ARGS: the slots that a trampoline can save. */
export const MAX_ARGUMENT_SLOTS = 12;
/** Registers that carry arguments: rdi, rsi, rdx, rcx, r8, r9. */
export const ARGUMENT_REGISTERS = 6;

/** The slots of 8 bytes that one argument takes. */
export function slotsOf({ size, aggregate }: ArgumentModel, features: Features): number {
  const wide = aggregate || features.wideArguments === 'all';
  return wide ? Math.max(1, Math.ceil(size / 8)) : 1;
}

/** Slots that the arguments take; undefined where there are too many: ENOTSUPP. */
export function argumentSlots(model: FunctionModel, features: Features): number | undefined {
  const slots = model.arguments.reduce((sum, one) => sum + slotsOf(one, features), 0);
  return slots > MAX_ARGUMENT_SLOTS ? undefined : slots;
}

/** Where a caller leaves one slot of an argument. */
export type SlotPlace =
  /** Of {@link ARGUMENT_REGISTERS}. */
  | { readonly kind: 'register'; readonly index: number }
  /** From the first on the stack. */
  | { readonly kind: 'stack'; readonly index: number };

/**
 * The places of all slots, in the order of the parameters. A struct is passed in registers or on
 * the stack as a whole, and what comes behind one on the stack may still get a register: System V
 * ABI for AMD64, 3.2.3.
 */
export function slotPlaces(model: FunctionModel, features: Features): readonly SlotPlace[] {
  let registers = 0;
  let onStack = 0;
  return model.arguments.flatMap((one) => {
    const count = slotsOf(one, features);
    const fits = registers + count <= ARGUMENT_REGISTERS;
    return Array.from({ length: count }, (): SlotPlace =>
      fits ? { kind: 'register', index: registers++ } : { kind: 'stack', index: onStack++ },
    );
  });
}

/**
 * Whether the one slot on the stack holds an argument of at most 4 bytes: compilers may leave
 * anything in the upper half of it, and the trampoline clears that of its copy.
 */
export function clearsUpperHalf(model: FunctionModel, places: readonly SlotPlace[]): boolean {
  const last = model.arguments.at(-1);
  return places.filter(({ kind }) => kind === 'stack').length === 1 && (last?.size ?? 8) <= 4;
}
