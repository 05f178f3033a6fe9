// SPDX-License-Identifier: MIT
import { VOID } from './c/builtins.ts';
import { layoutOf } from './c/layout.ts';
import { unqualified, type CType } from './c/type.ts';
import { mangle } from './type-id/mangle.ts';
import type { CfiErrno } from './outcome.ts';
import type { OperationOf, RegisteredMember, RegisteredStub } from './operation.ts';
import { prototype } from './prototypes.ts';
import type { Features } from './revisions.ts';
import type { RuleName } from './rules.ts';
import type { State } from './state.ts';
import { refuse, succeed, type CfiStep } from './step.ts';

/*
 * register_bpf_struct_ops(): a module offers a struct of its own to BPF. Reads beside
 * bpf_struct_ops_desc_init() and prepare_arg_info(), kernel/bpf/bpf_struct_ops.c, Linux 6.12.
 */

/** Names of value types are this and the struct's, in less than 128 characters. */
const VALUE_PREFIX = 'bpf_struct_ops_';
const MAX_NAME = 128;
/** BPF_STRUCT_OPS_MAX_NR_MEMBERS. */
const MAX_MEMBERS = 64;
/** MAX_BPF_FUNC_ARGS. */
const MAX_ARGUMENTS = 12;
/** What a trampoline carries back, and the most that an argument has. */
const MAX_RETURN_SIZE = 8;
const MAX_ARGUMENT_SIZE = 16;

type Refusal = readonly [errno: CfiErrno, rule: RuleName];

/**
 * bpf_struct_ops_desc_init(), in its order of checks. Nothing is left of a struct that is refused.
 */
export function registerStruct(
  state: State,
  { name, stubs, btf, members }: OperationOf<'registerStruct'>,
  features: Features,
): CfiStep {
  if (VALUE_PREFIX.length + name.length >= MAX_NAME) {
    return refuse(state, 'EINVAL', 'register.name');
  }
  if (!stubs && features.stubsRequired) return refuse(state, 'EINVAL', 'register.stubs');
  if (btf === 'struct') return refuse(state, 'EINVAL', 'register.struct');
  if (members.length > MAX_MEMBERS) return refuse(state, 'EINVAL', 'register.members');
  if (btf !== undefined) return refuse(state, 'EINVAL', 'register.value');
  for (const member of members) {
    const refusal = refusedMember(member, features);
    if (refusal !== undefined) return refuse(state, ...refusal);
  }
  return succeed(state, 'register.done');
}

function refusedMember(member: RegisteredMember, features: Features): Refusal | undefined {
  switch (member.kind) {
    case 'anonymous':
      return ['EOPNOTSUPP', 'register.anonymous'];
    case 'bit-field':
      return ['EOPNOTSUPP', 'register.bit-field'];
    case 'module':
      return member.known ? undefined : ['EOPNOTSUPP', 'register.module'];
    case 'data':
      return undefined;
    case 'function':
      return refusedFunction(member.prototype, member.stub, features);
  }
}

function refusedFunction(
  source: string,
  stub: RegisteredStub | null,
  features: Features,
): Refusal | undefined {
  // Before stubs were asked for, every function pointer was a member to implement.
  if (stub === null && features.stubsRequired) return undefined;
  if (!isDistilled(source)) return ['EINVAL', 'register.prototype'];
  if (features.wideReturnRefused && returnSize(source) > MAX_RETURN_SIZE) {
    return ['EOPNOTSUPP', 'register.wide-return'];
  }
  return stub === null || !features.stubsRequired ? undefined : refusedStub(source, stub);
}

/**
 * btf_distill_func_proto(): a trampoline can pass the arguments, and take back what is returned.
 */
function isDistilled(source: string): boolean {
  const { parameters, returns, variadic } = prototype(source);
  if (variadic || parameters.length > MAX_ARGUMENTS) return false;
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

function isRecord(type: CType): boolean {
  const plain = unqualified(type);
  return plain.kind === 'tag' && plain.tag !== 'enum';
}

/** Bytes; more than any argument may have where a type is incomplete. */
function sizeOf(type: CType): number {
  return layoutOf(type)?.size ?? Number.POSITIVE_INFINITY;
}

/** Bytes that a function returns. */
export function returnSize(source: string): number {
  const { returns } = prototype(source);
  return unqualified(returns) === VOID ? 0 : sizeOf(returns);
}

/** prepare_arg_info(): what the names of the stub's parameters say. */
function refusedStub(source: string, stub: RegisteredStub): Refusal | undefined {
  if (!stub.known) return ['ENOENT', 'register.stub-symbol'];
  const [own, theirs] = [prototype(source).parameters, prototype(stub.prototype).parameters];
  if (own.length !== theirs.length) return ['EINVAL', 'register.stub-arguments'];
  for (const index of [...stub.nullable].sort((a, b) => a - b)) {
    const [member, other] = [own[index], theirs[index]];
    if (member === undefined || other === undefined) continue;
    if (member.kind !== 'pointer' || !isRecord(member.to))
      return ['EINVAL', 'register.nullable-type'];
    if (mangle(member).text !== mangle(other).text) return ['EINVAL', 'register.nullable-mismatch'];
  }
  return undefined;
}
