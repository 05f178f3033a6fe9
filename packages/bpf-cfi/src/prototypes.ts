// SPDX-License-Identifier: MIT
import { calledFunction, typeIdOf } from './type-id/type-id.ts';
import { TranslationUnit } from './c/translation-unit.ts';
import type { Arity } from './preamble.ts';
import type { CType } from './c/type.ts';

/*
 * The prototypes that the model's callers and callees have, in C, as the kernel declares them.
 */

/** The kernel's names for integers. include/linux/types.h. */
export const KERNEL_TYPES = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64; typedef signed char s8; typedef short s16; typedef int s32;
typedef long long s64; typedef unsigned char __u8; typedef unsigned short __u16;
typedef unsigned int __u32; typedef unsigned long long __u64; typedef signed char __s8;
typedef short __s16; typedef int __s32; typedef long long __s64; typedef u16 __be16;
typedef u32 __be32; typedef u64 __be64; typedef u16 __le16; typedef u32 __le32; typedef u64 __le64;
typedef unsigned long size_t; typedef long ssize_t; typedef long ptrdiff_t;
typedef unsigned long uintptr_t; typedef long long loff_t; typedef int pid_t;
typedef unsigned int gfp_t; typedef unsigned int fmode_t; typedef unsigned short umode_t;
typedef unsigned int dev_t; typedef unsigned int __poll_t; typedef u64 dma_addr_t;
typedef u64 phys_addr_t; typedef u64 sector_t; typedef u64 netdev_features_t;
`;

/** What a function type is to its callers. */
export interface Prototype {
  readonly name: string;
  /** The kCFI type id before randomisation. */
  readonly hash: number;
  readonly mangled: string;
  /** Integer registers that carry arguments; 7 where some are on the stack. */
  readonly arity: Arity;
  readonly parameters: readonly CType[];
  readonly returns: CType;
  readonly variadic: boolean;
}

const known = new Map<string, Prototype>();

/**
 * The prototype that a piece of C declares last. Tags belong to the file, wherever they stand.
 *
 * @throws CSyntaxError where the text is no declaration of a function type
 * @throws RangeError where it declares something else
 */
export function prototype(source: string): Prototype {
  const cached = known.get(source);
  if (cached !== undefined) return cached;
  const unit = new TranslationUnit({ fileTags: true });
  unit.declare(KERNEL_TYPES);
  const declared = unit.declare(source.trimEnd().endsWith(';') ? source : `${source};`).at(-1);
  const type = declared && calledFunction(declared.type);
  if (declared === undefined || type === undefined) {
    throw new RangeError(`prototype: expected one of a function, got ${JSON.stringify(source)}`);
  }
  const { id, mangled } = typeIdOf(type);
  const parameters = type.parameters ?? [];
  const made: Prototype = {
    name: declared.name,
    hash: id,
    mangled,
    arity: arityOf(parameters.length),
    parameters,
    returns: type.returns,
    variadic: type.variadic,
  };
  known.set(source, made);
  return made;
}

function arityOf(parameters: number): Arity {
  switch (parameters) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
      return parameters;
    default:
      return 7;
  }
}

/** bpf_func_t: how a main program is called. include/linux/filter.h. */
export const BPF_MAIN = 'unsigned int bpf_func(const void *, const struct bpf_insn *)';
/** bpf_callback_t: how a subprogram is called back. include/linux/bpf.h. */
export const BPF_SUBPROGRAM = 'u64 bpf_callback(u64, u64, u64, u64, u64)';
/** How the runner of bpf_dummy_ops calls every member. net/bpf/bpf_dummy_struct_ops.c. */
export const DUMMY_TEST_CALL = 'int dummy_ops_test_ret_fn(struct bpf_dummy_ops_state *, ...)';
/** btf_dtor_kfunc_t: how destructors of kernel objects are called. include/linux/btf.h. */
export const DESTRUCTOR_CALL = 'void btf_dtor_kfunc(void *)';
