// SPDX-License-Identifier: MIT
import type { Reference, Slot } from './reference.ts';

/**
 * A cursor as the documentation of the mas_* calls has it: a status and a range. `at` is an index of
 * the slot where an active cursor stands.
 */
export class ReferenceCursor {
  readonly tree: Reference;
  index = 0n;
  last = 0n;
  status = 'start';
  /** Whether it has walked since it was set. One that met a limit before stands nowhere. */
  walked = false;

  constructor(tree: Reference) {
    this.tree = tree;
  }

  copy(tree: Reference): ReferenceCursor {
    return Object.assign(new ReferenceCursor(tree), {
      index: this.index,
      last: this.last,
      status: this.status,
      walked: this.walked,
    });
  }

  set(first: bigint, last: bigint): void {
    this.index = first;
    this.last = last;
    this.#leave('start');
  }

  reset(): void {
    this.#leave('start');
  }

  pause(): void {
    this.#leave('pause');
  }

  #leave(status: string): void {
    this.status = status;
    this.walked = false;
  }

  walk(): unknown {
    const { form, max } = this.tree;
    if (form === 'empty') return this.#stand('none', 0n, max, null, false);
    if (form === 'root') {
      return this.index === 0n
        ? this.#stand('root', 0n, 0n, this.tree.slotAt(0n).entry, false)
        : this.#stand('none', 1n, max, null, false);
    }
    return this.#take(this.tree.slotAt(this.index));
  }

  #stand(status: string, index: bigint, last: bigint, entry: unknown, walked: boolean): unknown {
    this.status = status;
    this.index = index;
    this.last = last;
    this.walked = walked;
    return entry;
  }

  #take({ entry, first, last }: Slot): unknown {
    return this.#stand('active', first, last, entry, true);
  }

  next(max: bigint, every: boolean): unknown {
    const wasNone = this.status === 'none';
    if (this.last >= max) return this.#limit('overflow');
    if (this.status === 'underflow') {
      const entry = this.walk();
      if (entry !== null) return entry;
    } else if (this.status === 'overflow' && this.walked) this.status = 'active';
    else if (!['active', 'root'].includes(this.status)) this.walk();
    if (this.status === 'root') {
      if (wasNone && this.index === 0n) this.last = 0n;
      else this.#stand('none', 1n, this.tree.max, null, false);
      return null;
    }
    return this.status === 'active' ? this.#forward(max, every) : null;
  }

  /** Goes on from the slot where it stands. */
  #forward(max: bigint, every: boolean): unknown {
    const slots = this.tree.slots();
    let position = slots.findIndex(({ last }) => last >= this.index);
    for (;;) {
      const here = slots[position];
      const then = slots[position + 1];
      if (here === undefined || here.last >= max || then === undefined)
        return this.#limit('overflow');
      this.#take(then);
      if (then.entry !== null || every) return then.entry;
      position += 1;
    }
  }

  prev(min: bigint, every: boolean): unknown {
    if (this.index <= min) return this.#limit('underflow');
    if (this.status === 'overflow') {
      const entry = this.walk();
      if (entry !== null) return entry;
    } else if (this.status === 'underflow' && this.walked) this.status = 'active';
    else if (!['active', 'root'].includes(this.status)) this.walk();
    if (this.status === 'root') {
      if (this.index !== 0n) return this.#stand('root', 0n, 0n, this.#rootWord(), false);
      this.status = 'none';
      return null;
    }
    if (this.status === 'none') {
      if (this.index === 0n) return null;
      return this.#stand('root', 0n, 0n, this.#rootWord(), false);
    }
    return this.#backward(min, every);
  }

  #rootWord(): unknown {
    return this.tree.form === 'root' ? this.tree.slotAt(0n).entry : null;
  }

  #backward(min: bigint, every: boolean): unknown {
    const slots = this.tree.slots();
    let position = slots.findIndex(({ last }) => last >= this.index);
    for (;;) {
      const here = slots[position];
      const then = slots[position - 1];
      if (here === undefined || here.first <= min || then === undefined) {
        return this.#limit('underflow');
      }
      this.#take(then);
      if (then.entry !== null || every) return then.entry;
      position -= 1;
    }
  }

  #limit(status: string): null {
    this.status = status;
    return null;
  }

  find(max: bigint, every: boolean): unknown {
    let entry: unknown = null;
    switch (this.status) {
      case 'active':
        if (this.last >= max) return null;
        break;
      case 'pause':
        if (this.last >= max) return null;
        this.set(this.last + 1n, this.last + 1n);
        break;
      case 'none':
        if (this.last >= max) return null;
        this.set(this.last, this.last);
        break;
      case 'underflow':
        if (this.index >= max) return this.#limit('overflow');
        entry = this.walk();
        break;
      case 'overflow':
        if (this.last >= max) return null;
        entry = this.walk();
        break;
    }
    if (entry === null && this.status === 'start') {
      if (this.index > max) return null;
      entry = this.walk();
    }
    if (entry !== null) return entry;
    if (this.status === 'root') return this.#stand('none', 1n, this.tree.max, null, false);
    if (this.status === 'none' || this.index === max) return null;
    entry = this.#forward(max, every);
    if (!every) this.status = 'active';
    return entry;
  }

  findRev(min: bigint, every: boolean): unknown {
    switch (this.status) {
      case 'pause':
        if (this.index <= min) return this.#limit('underflow');
        this.set(this.index - 1n, this.index - 1n);
        break;
      case 'none':
        if (this.index <= min) return null;
        this.set(this.index, this.index);
        break;
      case 'overflow':
        if (this.index <= min) return this.#limit('underflow');
        this.status = this.walked ? 'active' : 'start';
        break;
      case 'underflow':
        if (this.index <= min) return null;
        this.status = this.walked ? 'active' : 'start';
        break;
    }
    if (this.status === 'start') {
      if (this.index < min) return null;
      const entry = this.walk();
      if (entry !== null) return entry;
    }
    if (this.status === 'root') return this.#limit('none');
    if (this.status === 'none') return this.#stand('root', 0n, 0n, this.#rootWord(), false);
    return this.index < min ? null : this.#backward(min, every);
  }

  /** Stores over the range; afterwards it stands there, widened where null is stored. */
  store(entry: unknown): number {
    const { tree } = this;
    if (this.index > this.last) return -22;
    const before = tree.form;
    const stoodAtRoot = this.status === 'root';
    const { first, last } = tree.widened(this.index, this.last, entry);
    const wide = before === 'nodes' ? { first, last } : { first: this.index, last: this.last };
    tree.store(this.index, this.last, entry);
    this.index = wide.first;
    this.last = wide.last;
    this.walked = tree.form === 'nodes';
    if (tree.form === 'nodes') this.status = 'active';
    else if (before === 'nodes' || entry !== null) this.status = 'start';
    else this.status = before === 'empty' && !stoodAtRoot ? 'none' : 'root';
    return 0;
  }

  erase(): unknown {
    const { tree } = this;
    if (tree.form === 'empty') {
      this.status = 'none';
      this.walked = false;
      return null;
    }
    if (tree.form === 'root' && this.index > 0n) {
      this.status = 'root';
      this.walked = false;
      return null;
    }
    const slot = tree.slotAt(this.index);
    if (tree.form === 'root') {
      this.store(null);
      return slot.entry;
    }
    this.#take(slot);
    if (slot.entry === null) return null;
    this.store(null);
    return slot.entry;
  }
}
