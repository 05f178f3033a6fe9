// SPDX-License-Identifier: MIT
import type { Operation } from '@kernel-models/bpf-cfi';

/*
 * struct_ops maps, told again: one table of what is registered, one of maps, one of programs,
 * changed in place. For a kernel since Linux 6.9 and tcp_congestion_ops alone.
 */

interface ReferenceMap {
  readonly forLinks: boolean;
  readonly isTcp: boolean;
  state: 'new' | 'registered' | 'dying' | 'ready';
  name: string;
  linked: boolean;
}

interface ReferenceProgram {
  readonly member: string;
  isOpen: boolean;
}

type Members = Readonly<Record<string, string>>;

const CALLBACKS = ['ssthresh', 'cong_avoid', 'set_state', 'cong_control', 'undo_cwnd', 'init'];

/** Answers an operation on maps as a word: `ok`, an errno, or a map's state. */
export class ReferenceMaps {
  readonly #maps = new Map<string, ReferenceMap>();
  readonly #programs = new Map<string, ReferenceProgram>();
  readonly #taken = new Set(['reno']);

  /** A program for a member was loaded. */
  loaded(program: string, member: string): void {
    this.#programs.set(program, { member, isOpen: true });
  }

  unloaded(program: string): void {
    const known = this.#programs.get(program);
    if (known !== undefined) known.isOpen = false;
  }

  answer(operation: Operation): string | undefined {
    switch (operation.op) {
      case 'mapCreate':
        return this.#create(operation);
      case 'mapUpdate':
        return this.#update(operation);
      case 'mapLookup':
      case 'mapDelete':
      case 'linkCreate':
      case 'linkClose': {
        const map = this.#maps.get(operation.map);
        if (map === undefined) return 'impossible';
        if (operation.op === 'mapLookup') return lookup(map);
        if (operation.op === 'mapDelete') return this.#delete(map);
        return operation.op === 'linkCreate' ? this.#link(map) : this.#unlink(map);
      }
      default:
        return undefined;
    }
  }

  #create({ map, struct, link, wrong }: Extract<Operation, { op: 'mapCreate' }>): string {
    if (this.#maps.has(map)) return 'impossible';
    if (wrong === 'value-type') return 'ENOTSUPP';
    if (wrong !== undefined) return 'EINVAL';
    const isTcp = struct === 'tcp_congestion_ops';
    this.#maps.set(map, { forLinks: link, isTcp, state: 'new', name: '', linked: false });
    return 'ok';
  }

  #update(operation: Extract<Operation, { op: 'mapUpdate' }>): string {
    const map = this.#maps.get(operation.map);
    const { flags, key, wrong, members, name, owner } = operation;
    if (map === undefined) return 'impossible';
    if (flags > 0) return 'EINVAL';
    if (key > 0) return 'E2BIG';
    if (wrong === 'padding' || wrong === 'state') return 'EINVAL';
    if (map.state !== 'new') return 'EBUSY';
    if (!map.isTcp) return 'EOPNOTSUPP';
    const problem = this.#callbackProblem(members, ['init']) ?? nameProblem(name);
    if (problem !== undefined) return problem;
    if (owner) return 'handled';
    if (wrong === 'list' || wrong === 'tcp-flags') return 'EINVAL';
    const late = this.#callbackProblem(members, undefined);
    if (late !== undefined) return late;
    if (wrong === 'no-program' || wrong === 'program-type') return 'EINVAL';
    const complete = 'ssthresh' in members && 'undo_cwnd' in members;
    if (!complete || !('cong_avoid' in members || 'cong_control' in members)) return 'EINVAL';
    if (map.forLinks) map.state = 'ready';
    else if (this.#taken.has(name)) return 'EEXIST';
    else {
      this.#taken.add(name);
      map.state = 'registered';
    }
    map.name = name;
    return 'ok';
  }

  /** The first callback, in the struct's order, whose program will not do. */
  #callbackProblem(members: Members, except: readonly string[] | undefined): string | undefined {
    for (const callback of CALLBACKS) {
      if (except?.includes(callback) === true) continue;
      const wanted = members[callback];
      if (wanted === undefined) continue;
      const program = this.#programs.get(wanted);
      if (program === undefined || !program.isOpen) return 'EBADF';
      if (program.member !== callback) return 'EINVAL';
    }
    return undefined;
  }

  #delete(map: ReferenceMap): string {
    if (map.forLinks) return 'EOPNOTSUPP';
    if (map.state === 'dying') return 'EINPROGRESS';
    if (map.state !== 'registered') return 'ENOENT';
    map.state = 'dying';
    this.#taken.delete(map.name);
    return 'ok';
  }

  #link(map: ReferenceMap): string {
    if (map.state !== 'ready') return 'EINVAL';
    if (this.#taken.has(map.name)) return 'EEXIST';
    this.#taken.add(map.name);
    map.linked = true;
    return 'ok';
  }

  #unlink(map: ReferenceMap): string {
    if (!map.linked) return 'impossible';
    map.linked = false;
    this.#taken.delete(map.name);
    return 'ok';
  }
}

function lookup({ state, linked }: ReferenceMap): string {
  const names = { new: 'INIT', registered: 'INUSE', dying: 'TOBEFREE', ready: 'READY' };
  return `${names[state]} ${state === 'registered' || linked ? 1 : 0}`;
}

function nameProblem(name: string): string | undefined {
  const good = name.length > 0 && name.length < 16 && !/[^A-Za-z0-9_.]/.test(name);
  return good ? undefined : 'EINVAL';
}
