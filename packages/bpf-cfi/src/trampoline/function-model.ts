// SPDX-License-Identifier: MIT
import { VOID } from '../c/builtins.ts';
import { layoutOf } from '../c/layout.ts';
import { unqualified, type CType } from '../c/type.ts';
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

/** MAX_BPF_FUNC_ARGS: the slots that a trampoline can save. */
export const MAX_ARGUMENT_SLOTS = 12;
/** Registers that carry arguments: rdi, rsi, rdx, rcx, r8, r9. */
export const ARGUMENT_REGISTERS = 6;
/** The most that an argument has, bytes. */
const MAX_ARGUMENT_SIZE = 16;

/**
 * btf_distill_func_proto(): a trampoline can pass the arguments, and take back what is returned.
 */
export function isDistilled(source: string): boolean {
  const { parameters, returns, variadic } = prototype(source);
  if (variadic || parameters.length > MAX_ARGUMENT_SLOTS) return false;
  if (unqualified(returns) !== VOID && !isScalar(returns)) return false;
  return parameters.every(
    (type) => isScalar(type) || (isRecord(type) && sizeOf(type) <= MAX_ARGUMENT_SIZE),
  );
}

/** What BTF calls a pointer, an integer or an enum. */
function isScalar(type: CType): boolean {
  const plain = unqualified(type);
  if (plain.kind === 'builtin') return plain.family === 'integer';
  return plain.kind === 'pointer' || (plain.kind === 'tag' && plain.tag === 'enum');
}

/** A struct or union. */
export function isRecord(type: CType): boolean {
  const plain = unqualified(type);
  return plain.kind === 'tag' && plain.tag !== 'enum';
}

/**
 * Bytes. An enum whose enumerators are elsewhere has those of an int, and a struct whose members
 * are has more than any argument may have.
 */
function sizeOf(type: CType): number {
  return layoutOf(type)?.size ?? (isScalar(type) ? 4 : Number.POSITIVE_INFINITY);
}

/** Bytes that a function returns. */
export function returnSize(source: string): number {
  const { returns } = prototype(source);
  return unqualified(returns) === VOID ? 0 : sizeOf(returns);
}

/** A function's model, from its declaration in C. btf_distill_func_proto(), kernel/bpf/btf.c. */
export function functionModel(source: string): FunctionModel {
  const { parameters } = prototype(source);
  return {
    returnSize: returnSize(source),
    arguments: parameters.map((type) => ({ size: sizeOf(type), aggregate: isRecord(type) })),
  };
}

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
  /** Of `ARGUMENT_REGISTERS`. */
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
