// SPDX-License-Identifier: MIT
import { DEAD, FREED, LIVE, childAt, type MapleNode } from './node.ts';
import type { Key } from './key.ts';
import type { MapleTree } from './tree.ts';

/**
 * A reader's claim that nothing it can reach is freed: rcu_read_lock() to rcu_read_unlock(). A pin
 * that is lost delays every later free for good; the memory itself is the garbage collector's.
 */
export class RcuPin {
  #release: (() => void) | null;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Ends the read section. A second call does nothing. */
  release(): void {
    const release = this.#release;
    this.#release = null;
    release?.();
  }

  get released(): boolean {
    return this.#release === null;
  }
}

/** A batch of nodes that left the tree together: one call of call_rcu(). */
interface Callback<K extends Key, V> {
  readonly nodes: readonly MapleNode<K, V>[];
  /** Pins older than this still may reach the nodes. */
  readonly epoch: number;
}

/** The read sections of a tree and the nodes that wait for them. */
export class GracePeriods<K extends Key, V> {
  #epoch = 0;
  readonly #pins = new Map<RcuPin, number>();
  #queue: Callback<K, V>[] = [];

  /** Nodes that wait. */
  awaiting = 0;

  /** Mirrors rcu_read_lock(). */
  pin(): RcuPin {
    const pin = new RcuPin(() => {
      this.#pins.delete(pin);
      this.collect();
    });
    this.#pins.set(pin, this.#epoch);
    return pin;
  }

  /** Mirrors call_rcu(): frees the nodes when every read section that is open now has ended. */
  queue(nodes: readonly MapleNode<K, V>[]): void {
    this.#epoch++;
    this.awaiting += nodes.length;
    this.#queue.push({ nodes, epoch: this.#epoch });
  }

  /** Frees what nobody can reach any more. */
  collect(): void {
    let oldest = Infinity;
    for (const epoch of this.#pins.values()) oldest = Math.min(oldest, epoch);
    const waiting: Callback<K, V>[] = [];
    for (const callback of this.#queue) {
      if (callback.epoch > oldest) waiting.push(callback);
      else this.#free(callback.nodes);
    }
    this.#queue = waiting;
  }

  #free(nodes: readonly MapleNode<K, V>[]): void {
    for (const node of nodes) free(node);
    this.awaiting -= nodes.length;
  }
}

/** Nobody may touch the node from here on. Its entries are let go. */
function free<K extends Key, V>(node: MapleNode<K, V>): void {
  node.state = FREED;
  node.entries.fill(null);
  node.children.fill(null);
}

/**
 * Takes one replaced node out of use. Mirrors mte_set_node_dead() and ma_free_rcu(),
 * lib/maple_tree.c, Linux 6.12. A node that a snapshot shares stays as it is: others read it.
 */
export function retireNode<K extends Key, V>(tree: MapleTree<K, V>, node: MapleNode<K, V>): void {
  tree.counters.freed++;
  tree.nodeCount--;
  if (!tree.inRcu) return;
  tree.counters.queued++;
  retire(tree, [node]);
}

/** Takes a whole subtree out of use: one callback. Mirrors mte_destroy_walk(). */
export function retireSubtree<K extends Key, V>(
  tree: MapleTree<K, V>,
  top: MapleNode<K, V>,
  count: number,
): void {
  tree.counters.freed += count;
  tree.nodeCount -= count;
  if (!tree.inRcu) return;
  tree.counters.queued++;
  const nodes: MapleNode<K, V>[] = [];
  collectSubtree(tree, top, nodes);
  retire(tree, nodes);
}

function collectSubtree<K extends Key, V>(
  tree: MapleTree<K, V>,
  node: MapleNode<K, V>,
  into: MapleNode<K, V>[],
): void {
  into.push(node);
  if (node.leaf) return;
  const full = node.end === tree.nodes.internalSlots - 1;
  const last = full && !tree.rules.destroysFullNodes ? node.end - 1 : node.end;
  for (let offset = 0; offset <= last; offset++) collectSubtree(tree, childAt(node, offset), into);
}

function retire<K extends Key, V>(tree: MapleTree<K, V>, nodes: readonly MapleNode<K, V>[]): void {
  const own = nodes.filter((node) => node.owner === tree.owner && node.state === LIVE);
  if (!tree.rules.waitsForGracePeriod) {
    own.forEach(free);
    return;
  }
  for (const node of own) node.state = DEAD;
  tree.grace.queue(own);
  tree.grace.collect();
}
