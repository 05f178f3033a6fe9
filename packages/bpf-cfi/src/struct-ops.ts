// SPDX-License-Identifier: MIT
import { nextTrampoline, structOpsImageAlloc, type ImagePages } from './pack/trampoline-image.ts';
import { placeTrampoline } from './plan/member-trampoline.ts';
import { maskedHex } from './masked-hex.ts';
import { withProgram } from './program-operations.ts';
import type { CfiErrno, Outcome } from './outcome.ts';
import type { CreateMistake, OperationOf } from './operation.ts';
import type { Scheme } from './preamble.ts';
import type { RuleName } from './rules.ts';
import type { Program, State, StructMap } from './state.ts';
import { answer, impossible, refuse, succeed, type CfiStep } from './step.ts';
import { structMember, structMembers, TCP_REQUIRED, type StructMember } from './struct-types.ts';

/*
 * Maps of type BPF_MAP_TYPE_STRUCT_OPS: from a value with programs in it to a registered struct
 * with trampolines in it. Reads beside kernel/bpf/bpf_struct_ops.c, Linux 6.12.
 */

function withMap(state: State, name: string, map: StructMap): State {
  return { ...state, maps: { ...state.maps, [name]: map } };
}

/** Refusals of map_create(), in its order: its own checks of the attributes, the map's, and BTF. */
const CREATE_REFUSALS: Readonly<Record<CreateMistake, readonly [CfiErrno, RuleName]>> = {
  'key-size': ['EINVAL', 'create.attributes'],
  entries: ['EINVAL', 'create.attributes'],
  flags: ['EINVAL', 'create.attributes'],
  'value-type': ['ENOTSUPP', 'create.value-type'],
  'value-size': ['EINVAL', 'create.value-size'],
  btf: ['EINVAL', 'create.btf'],
};

/** bpf_struct_ops_map_alloc(). */
export function mapCreate(
  state: State,
  operation: OperationOf<'mapCreate'>,
  { features }: Scheme,
): CfiStep {
  const { map: name, struct, link, wrong } = operation;
  if (state.maps[name] !== undefined) return impossible(state);
  if (wrong !== undefined) return refuse(state, ...CREATE_REFUSALS[wrong]);
  // Who creates such a map has CAP_BPF, which no limit holds back.
  const withMapOnly = features.trampolinePages === 'with-map';
  const page = withMapOnly ? structOpsImageAlloc(state.memory, true, features) : undefined;
  const map: StructMap = {
    struct,
    link,
    state: 'INIT',
    pages: page === undefined ? [] : [page.address],
    trampolines: {},
    name: '',
    members: {},
    linked: false,
  };
  const memory = page?.memory ?? state.memory;
  return succeed(withMap({ ...state, memory }, name, map), 'map.created');
}

/** What init_member() said of the member before: it was handled. */
const HANDLED: Outcome = Object.freeze({ kind: 'value', value: 1n });

interface Refusal {
  readonly errno: CfiErrno | 'handled';
  readonly rule: RuleName;
}

/**
 * bpf_struct_ops_map_update_elem(), in its order of checks. Whatever fails leaves the map in INIT.
 */
export function mapUpdate(
  state: State,
  operation: OperationOf<'mapUpdate'>,
  scheme: Scheme,
): CfiStep {
  const map = state.maps[operation.map];
  if (map === undefined) return impossible(state);
  if (operation.flags !== 0) return refuse(state, 'EINVAL', 'update.flags');
  if (operation.key !== 0) return refuse(state, 'E2BIG', 'update.key');
  if (operation.wrong === 'padding') return refuse(state, 'EINVAL', 'update.padding');
  if (operation.wrong === 'state') return refuse(state, 'EINVAL', 'update.state');
  if (map.state !== 'INIT') return refuse(state, 'EBUSY', 'update.busy');
  const filled = fillMembers(state, map, operation, scheme);
  if ('errno' in filled) return refused(state, filled);
  const incomplete = invalid(map, operation);
  if (incomplete !== undefined) return refused(state, incomplete);
  const { name, members } = operation;
  const { pages, trampolines, memory } = filled;
  const taken = takePrograms({ ...state, memory }, members);
  const full: StructMap = { ...map, name, members, pages, trampolines };
  if (map.link) {
    return succeed(withMap(taken, operation.map, { ...full, state: 'READY' }), 'update.ready');
  }
  if (state.registered.includes(name)) return refuse(state, 'EEXIST', 'update.duplicate');
  const after = withMap(taken, operation.map, { ...full, state: 'INUSE' });
  return succeed({ ...after, registered: [...after.registered, name] }, 'update.registered');
}

function refused(state: State, { errno, rule }: Refusal): CfiStep {
  return errno === 'handled' ? answer(state, HANDLED, rule) : refuse(state, errno, rule);
}

/** Where the trampolines of a value lie. */
interface Filled extends ImagePages {
  readonly trampolines: StructMap['trampolines'];
}

/** Takes member after member, in the struct's order, up to the first that cannot be taken. */
function fillMembers(
  state: State,
  map: StructMap,
  operation: OperationOf<'mapUpdate'>,
  scheme: Scheme,
): Filled | Refusal {
  const { features } = scheme;
  let filled: Filled = { memory: state.memory, pages: map.pages, used: 0, trampolines: {} };
  for (const member of structMembers(map.struct, features)) {
    if (member.name === 'owner') {
      // The rollback is entered with what init_member() said of the name, and that is returned.
      if (operation.owner) return { errno: features.ownerNonzero, rule: 'update.owner' };
      continue;
    }
    if (map.struct === 'bpf_dummy_ops') {
      return { errno: 'EOPNOTSUPP', rule: 'update.unsupported-struct' };
    }
    if (member.prototype === undefined) {
      const refusal = badData(member, operation);
      if (refusal !== undefined) return refusal;
      continue;
    }
    const refusal = badProgram(state, map, member, operation);
    if (refusal !== undefined) return refusal;
    const program = state.programs[operation.members[member.name] ?? ''];
    if (program === undefined) continue;
    const next = withTrampoline(filled, map, member, program, operation, scheme);
    if ('errno' in next) return next;
    filled = next;
  }
  return filled;
}

/** The trampoline of one more member. */
function withTrampoline(
  filled: Filled,
  { struct }: StructMap,
  member: StructMember,
  program: Program,
  { capable = true }: OperationOf<'mapUpdate'>,
  scheme: Scheme,
): Filled | Refusal {
  const sized = placeTrampoline(scheme, struct, member, program, 0n, false);
  const size = sized?.trampoline.slot ?? 0;
  const next = nextTrampoline(filled, size, capable, scheme.features);
  if (next === 'EPERM') return { errno: next, rule: 'update.jit-limit' };
  if (next === 'E2BIG') return { errno: next, rule: 'update.pages' };
  const { address, ...pages } = next;
  return { ...pages, trampolines: { ...filled.trampolines, [member.name]: { address, size } } };
}

/** What bpf_tcp_ca_init_member() takes, and otherwise zeroes. */
function badData({ name }: StructMember, operation: OperationOf<'mapUpdate'>): Refusal | undefined {
  if (name === 'name') return badName(operation.name);
  if (name === 'list' && operation.wrong === 'list') {
    return { errno: 'EINVAL', rule: 'update.data' };
  }
  if (name === 'flags' && operation.wrong === 'tcp-flags') {
    return { errno: 'EINVAL', rule: 'update.tcp-flags' };
  }
  return undefined;
}

function badName(name: string): Refusal | undefined {
  return /^[A-Za-z0-9_.]{1,15}$/.test(name) ? undefined : { errno: 'EINVAL', rule: 'update.name' };
}

/** The function pointer that mistakes of an update are made in: the last one. */
const MISTAKEN_MEMBER = 'release';

function badProgram(
  state: State,
  { struct }: StructMap,
  { name }: StructMember,
  { members, wrong }: OperationOf<'mapUpdate'>,
): Refusal | undefined {
  if (name === MISTAKEN_MEMBER) {
    if (wrong === 'no-program') return { errno: 'EINVAL', rule: 'update.no-program' };
    if (wrong === 'program-type') return { errno: 'EINVAL', rule: 'update.wrong-program' };
  }
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

/** bpf_struct_ops_map_sys_lookup_elem(). */
export function mapLookup(state: State, { map: name }: OperationOf<'mapLookup'>): CfiStep {
  const map = state.maps[name];
  if (map === undefined) return impossible(state);
  const uses = map.state === 'INUSE' || map.linked ? 1 : 0;
  return answer(state, { kind: 'map', state: map.state, uses }, 'lookup.shown');
}

/** A member's trampoline: what bpf_struct_ops_prepare_trampoline() left in the map's pages. */
export function showTrampoline(
  state: State,
  { map: name, member: memberName }: OperationOf<'trampoline'>,
  scheme: Scheme,
): CfiStep {
  const map = state.maps[name];
  const program = state.programs[map?.members[memberName] ?? ''];
  const member = map && structMember(map.struct, memberName, scheme.features);
  if (map === undefined || program === undefined || member === undefined) return impossible(state);
  const at = map.trampolines[memberName];
  const placed = at && placeTrampoline(scheme, map.struct, member, program, at.address, false);
  if (placed === undefined) return impossible(state);
  const bytes = maskedHex(Uint8Array.from(placed.trampoline.bytes));
  return answer(state, { kind: 'image', bytes }, 'trampoline.shown');
}

/**
 * bpf_struct_ops_map_delete_elem(). The map can never be updated again; its programs stay with it,
 * since sockets may be using them.
 */
export function mapDelete(state: State, { map: name }: OperationOf<'mapDelete'>): CfiStep {
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
      const after = withMap(state, name, { ...map, state: 'TOBEFREE' });
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
