// SPDX-License-Identifier: MIT
import { describe, test } from 'vitest';
import { checkProperty } from '../support/check-property.ts';
import { readersAgainstWriters } from './interleavings.ts';
import { localStreams } from './local-streams.ts';
import * as properties from './properties.ts';
import { writingVisitors } from './writing-visitors.ts';

const SUITE = [
  ['programs on trees of several levels (I1 to I10, I13)', properties.programs, 80],
  ['readers against writers (I12)', readersAgainstWriters, 120],
  ['a writer while another waits for memory (I6)', properties.writerWhileWaiting, 100],
  ['room at both ends (I8)', properties.gapSearches, 200],
  ['cursors go on from where they stored or searched (I13)', properties.continuations, 150],
  ['bulk loading (I2)', properties.bulkLoading, 100],
  ['destruction (I10)', properties.destruction, 100],
  ['snapshots and copies (I11, I14)', properties.branches, 60],
  ['stores with and without a plan (strict)', properties.shortcuts, 60],
  ['dumps, read and loaded (I14)', properties.dumps, 60],
  ['exhaustion of memory (I9)', properties.exhaustion, 100],
  ['streams of neighbouring operations (I5, I6, I8, I11)', localStreams, 45],
  ['walks whose visitor writes (I6, I7)', writingVisitors, 120],
] as const;

describe('properties of the maple tree', () => {
  test.each(SUITE)('%s', async (name, property, runs) => {
    await checkProperty(`maple tree: ${name}`, property({}), { runs });
  });
});
