// SPDX-License-Identifier: MIT
import { VOID } from './c/builtins.ts';
import { layoutOf } from './c/layout.ts';
import { imageAfterFree, withProgram } from './program-operations.ts';
import type { CfiErrno } from './outcome.ts';
import type { OperationOf } from './operation.ts';
import type { Scheme } from './preamble.ts';
import { prototype } from './prototypes.ts';
import type { Features } from './revisions.ts';
import type { RuleName } from './rules.ts';
import type { State, StructMap } from './state.ts';
import { impossible, refuse, succeed, type CfiStep } from './step.ts';
import { structMembers, TCP_REQUIRED, type StructMember } from './struct-types.ts';

/*
 * Maps of type BPF_MAP_TYPE_STRUCT_OPS: from a value with programs in it to a registered struct with
 * trampolines in it. Reads beside kernel/bpf/bpf_struct_ops.c, Linux 6.12.
 */

function withMap(state: State, name: string, map: StructMap): State {
  return { ...state, maps: { ...state.maps, [name]: map } };
}

/** Names of value types are this and the struct's, in less than 128 characters. */
const VALUE_PREFIX = 'bpf_struct_ops_';
const MAX_NAME = 128;
/** BPF_STRUCT_OPS_MAX_NR_MEMBERS. */
const MAX_MEMBERS = 64;

/** bpf_struct_ops_desc_init(), in its order of checks. */
export function registerStruct(
  state: State,
  { name, stubs, members }: OperationOf<'registerStruct'>,
  features: Features,
): CfiStep {
  if (VALUE_PREFIX.length + name.length >= MAX_NAME)
    return refuse(state, 'EINVAL', 'register.name');
  if (!stubs && features.stubsRequired) return refuse(state, 'EINVAL', 'register.stubs');
  if (members.length > MAX_MEMBERS) return refuse(state, 'EINVAL', 'register.members');
  const wide = members.some((source) => returnSize(source) > 8);
  if (wide && features.wideReturnRefused)
    return refuse(state, 'EOPNOTSUPP', 'register.wide-return');
  return succeed(state, 'register.done');
}

/** Bytes that a function returns. */
export function returnSize(source: string): number {
  const { returns } = prototype(source);
  return returns === VOID ? 0 : (layoutOf(returns)?.size ?? 0);
}

/** bpf_struct_ops_map_alloc(). */
export function mapCreate(state: State, operation: OperationOf<'mapCreate'>): CfiStep {
  const { map: name, struct, link } = operation;
  if (state.maps[name] !== undefined) return impossible(state);
  const map: StructMap = {
    struct,
    link,
    state: 'INIT',
    slot: Object.keys(state.maps).length,
    name: '',
    members: {},
    linked: false,
  };
  return succeed(withMap(state, name, map), 'map.created');
}

interface Refusal {
  readonly errno: CfiErrno | 'success';
  readonly rule: RuleName;
}

/** bpf_struct_ops_map_update_elem(), in its order of checks. Whatever fails leaves the map in INIT. */
export function mapUpdate(
  state: State,
  operation: OperationOf<'mapUpdate'>,
  scheme: Scheme,
): CfiStep {
  const map = state.maps[operation.map];
  if (map === undefined) return impossible(state);
  if (operation.flags !== 0) return refuse(state, 'EINVAL', 'update.flags');
  if (operation.key !== 0) return refuse(state, 'E2BIG', 'update.key');
  if (map.state !== 'INIT') return refuse(state, 'EBUSY', 'update.busy');
  const refusal = refusedMember(state, map, operation, scheme) ?? invalid(map, operation);
  if (refusal !== undefined) {
    if (refusal.errno === 'success') return succeed(state, refusal.rule);
    return refuse(state, refusal.errno, refusal.rule);
  }
  const { name, members } = operation;
  if (map.link) {
    const ready: StructMap = { ...map, state: 'READY', name, members };
    return succeed(withMap(takePrograms(state, members), operation.map, ready), 'update.ready');
  }
  if (state.registered.includes(name)) return refuse(state, 'EEXIST', 'update.duplicate');
  const inUse: StructMap = { ...map, state: 'INUSE', name, members };
  const after = withMap(takePrograms(state, members), operation.map, inUse);
  return succeed({ ...after, registered: [...after.registered, name] }, 'update.registered');
}

/** The first member, in the struct's order, that cannot be taken. */
function refusedMember(
  state: State,
  map: StructMap,
  operation: OperationOf<'mapUpdate'>,
  { features }: Scheme,
): Refusal | undefined {
  for (const member of structMembers(map.struct, features)) {
    if (member.name === 'owner') {
      // The rollback is entered with the error still 0.
      if (operation.owner) return { errno: features.ownerNonzero, rule: 'update.owner' };
      continue;
    }
    if (map.struct === 'bpf_dummy_ops') {
      return { errno: 'EOPNOTSUPP', rule: 'update.unsupported-struct' };
    }
    const refusal =
      member.name === 'name' ? badName(operation.name) : badProgram(state, map, member, operation);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function badName(name: string): Refusal | undefined {
  return /^[A-Za-z0-9_.]{1,15}$/.test(name) ? undefined : { errno: 'EINVAL', rule: 'update.name' };
}

function badProgram(
  state: State,
  { struct }: StructMap,
  { name }: StructMember,
  { members }: OperationOf<'mapUpdate'>,
): Refusal | undefined {
  const wanted = members[name];
  if (wanted === undefined) return undefined;
  const program = state.programs[wanted];
  if (program === undefined || !program.open) {
    return { errno: 'EBADF', rule: 'update.bad-program' };
  }
  const fits = program.struct === struct && program.member === name;
  return fits ? undefined : { errno: 'EINVAL', rule: 'update.wrong-program' };
}

/** tcp_validate_congestion_control(). */
function invalid(map: StructMap, { members }: OperationOf<'mapUpdate'>): Refusal | undefined {
  if (map.struct !== 'tcp_congestion_ops') return undefined;
  const has = (name: string): boolean => members[name] !== undefined;
  const complete = TCP_REQUIRED.every(has) && (has('cong_avoid') || has('cong_control'));
  return complete ? undefined : { errno: 'EINVAL', rule: 'update.incomplete' };
}

function takePrograms(state: State, members: StructMap['members']): State {
  return Object.values(members).reduce((after, name) => {
    const program = after.programs[name];
    if (program === undefined) return after;
    return withProgram(after, name, { ...program, references: program.references + 1 });
  }, state);
}

function dropPrograms(state: State, members: StructMap['members'], scheme: Scheme): State {
  return Object.values(members).reduce((after, name) => {
    const program = after.programs[name];
    if (program === undefined) return after;
    const references = program.references - 1;
    const image = references > 0 ? program.image : imageAfterFree(scheme, program);
    return withProgram(after, name, { ...program, references, image });
  }, state);
}

/** bpf_struct_ops_map_delete_elem(). The map can never be updated again. */
export function mapDelete(
  state: State,
  { map: name }: OperationOf<'mapDelete'>,
  scheme: Scheme,
): CfiStep {
  const map = state.maps[name];
  if (map === undefined) return impossible(state);
  if (map.link) return refuse(state, 'EOPNOTSUPP', 'delete.link');
  switch (map.state) {
    case 'INIT':
    case 'READY':
      return refuse(state, 'ENOENT', 'delete.nothing');
    case 'TOBEFREE':
      return refuse(state, 'EINPROGRESS', 'delete.in-progress');
    case 'INUSE': {
      const dropped = dropPrograms(state, map.members, scheme);
      const after = withMap(dropped, name, { ...map, state: 'TOBEFREE', members: {} });
      return succeed(unregistered(after, map.name), 'delete.unregistered');
    }
  }
}

function unregistered(state: State, name: string): State {
  return { ...state, registered: state.registered.filter((one) => one !== name) };
}

/** bpf_struct_ops_link_create(). */
export function linkCreate(state: State, { map: name }: OperationOf<'linkCreate'>): CfiStep {
  const map = state.maps[name];
  if (map === undefined) return impossible(state);
  if (!map.link || map.state !== 'READY') return refuse(state, 'EINVAL', 'link.not-ready');
  if (state.registered.includes(map.name)) return refuse(state, 'EEXIST', 'link.duplicate');
  const after = withMap(state, name, { ...map, linked: true });
  return succeed({ ...after, registered: [...after.registered, map.name] }, 'link.created');
}

/** bpf_struct_ops_map_link_dealloc(): the map stays READY and can be linked again. */
export function linkClose(state: State, { map: name }: OperationOf<'linkClose'>): CfiStep {
  const map = state.maps[name];
  if (map === undefined || !map.linked) return impossible(state);
  const after = withMap(state, name, { ...map, linked: false });
  return succeed(unregistered(after, map.name), 'link.closed');
}
