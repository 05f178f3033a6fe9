// SPDX-License-Identifier: MIT
import { Place } from './place.ts';
import type { Key } from './key.ts';
import type { NodeFactory } from './node.ts';
import { Path } from './path.ts';
import { Scratch } from './scratch.ts';
import { StorePlan } from './store-type.ts';

/** What one store needs while it runs. Stores never overlap, so all snapshots of a tree share one. */
export class Workspace<K extends Key, V> {
  readonly plan: StorePlan<K, V>;
  readonly scratch: Scratch<K, V>;
  /** Paths to the leaves where a rebuilding store begins and ends. */
  readonly left: Path<K, V> = new Path<K, V>();
  readonly right: Path<K, V> = new Path<K, V>();

  /** Where a store without a cursor begins. */
  readonly place: Place<K, V> = new Place<K, V>();

  constructor(nodes: NodeFactory<K, V>) {
    this.plan = new StorePlan<K, V>(nodes.keys.zero);
    this.scratch = new Scratch<K, V>(nodes);
  }
}
