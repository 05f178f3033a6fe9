// SPDX-License-Identifier: MIT
import { mangle } from './type-id/mangle.ts';
import type { CfiErrno } from './outcome.ts';
import type { OperationOf, RegisteredMember, RegisteredStub } from './operation.ts';
import { prototype } from './prototypes.ts';
import type { Features } from './revisions.ts';
import type { RuleName } from './rules.ts';
import type { State } from './state.ts';
import { refuse, succeed, type CfiStep } from './step.ts';
import { isDistilled, isRecord, returnSize } from './trampoline/function-model.ts';

/*
 * register_bpf_struct_ops(): a module offers a struct of its own to BPF. Reads beside
 * bpf_struct_ops_desc_init() and prepare_arg_info(), kernel/bpf/bpf_struct_ops.c, Linux 6.12.
 */

/** Names of value types are this and the struct's, in less than 128 characters. */
const VALUE_PREFIX = 'bpf_struct_ops_';
const MAX_NAME = 128;
/** BPF_STRUCT_OPS_MAX_NR_MEMBERS. */
const MAX_MEMBERS = 64;
/** What a trampoline carries back. */
const MAX_RETURN_SIZE = 8;

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
