// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { driver, tsm } from '@kernel-models/tdx-attest';
import type { Case } from '../target.ts';
import { delay, driverUse, fileUse, hostMove, itemUse, nonce } from './driver-operations.ts';
import { executablePart, REVISION } from './executable-part.ts';

/* Histories for a kernel whose TDX module and host are ours. */

type TsmCase = Case<tsm.Setup, tsm.TsmOperation>;

/** A call on a descriptor that is not open says little, however often. */
const MOST_BAD_DESCRIPTORS = 1;

const setup: Arbitrary<tsm.Setup> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(driver.DEFAULT_SETUP) },
  fc.constant({ ...driver.DEFAULT_SETUP, nameTaken: true }),
  fc.constant({ ...driver.DEFAULT_SETUP, tdxGuest: false }),
);

/** A loaded driver and an item with a nonce; often a read of its outblob, too, that waits. */
const opening: Arbitrary<readonly tsm.TsmOperation[]> = fc
  .tuple(nonce, fc.constantFrom('nothing', 'item', 'item', 'item', 'read'), delay)
  .map(([content, much, later]) => {
    const item: readonly tsm.TsmOperation[] = [
      { op: 'load' },
      { op: 'mkdir', name: 'q0', parent: 'report' },
      { op: 'write-inblob', name: 'q0', content },
    ];
    const read: readonly tsm.TsmOperation[] = [
      { op: 'set-host', delay: later === 'inside' ? 2500 : later },
      { op: 'open', fd: 3, name: 'q0', file: 'outblob', access: 'read' },
      { op: 'read-size', fd: 3 },
    ];
    return much === 'nothing' ? [] : much === 'item' ? item : [...item, ...read];
  });

/** A history with few calls on descriptors that are not open. */
function withoutIdleCalls(
  world: tsm.Setup,
  operations: readonly tsm.TsmOperation[],
): readonly tsm.TsmOperation[] {
  let state = tsm.model.initial(world);
  let bad = 0;
  return operations.filter((operation) => {
    const step = tsm.model.apply(state, operation, REVISION);
    if (step.rule === 'file.bad-descriptor') bad += 1;
    const kept = step.rule !== 'file.bad-descriptor' || bad <= MOST_BAD_DESCRIPTORS;
    if (kept) state = step.state;
    return kept;
  });
}

/** Histories of the driver and its report items that can be put to a kernel. */
export function driverCases(): Arbitrary<TsmCase> {
  // Each history has its own idea of what is worth doing.
  const weights = fc.tuple(...[itemUse, fileUse, hostMove, driverUse].map(() => fc.nat(4)));
  return weights
    .filter((all) => all.some((weight) => weight > 0))
    .chain(([items = 0, files = 0, host = 0, below = 0]) =>
      fc.record({
        setup,
        opening,
        rest: fc.array(
          fc.oneof(
            { weight: items, arbitrary: itemUse },
            { weight: files, arbitrary: fileUse },
            { weight: host, arbitrary: hostMove },
            { weight: below, arbitrary: driverUse },
          ),
          { minLength: 1, maxLength: 30, size: 'max' },
        ),
      }),
    )
    .map(({ setup: world, opening: first, rest }) => ({
      setup: world,
      operations: executablePart(world, withoutIdleCalls(world, [...first, ...rest])),
    }))
    .filter(({ operations }) => operations.length > 0);
}
