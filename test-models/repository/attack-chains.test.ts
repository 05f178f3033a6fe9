// SPDX-License-Identifier: MIT
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  chainMatrix,
  CHAINS,
  enumerateChains,
  POLICIES,
  type ChainResult,
  type Policy,
} from '@kernel-models/exec-check';
import { describeExecCheckOperation } from '@kernel-models/oracle';
import { ROOT } from './sources.ts';

const REVISIONS = ['linux-6.18', 'posted-v19'] as const;

test('docs/attack-chains.md is what the model computes', async () => {
  const text = [
    '# Attack chains',
    '',
    'Each way to have untrusted code run, played against each policy: which rule stops it, or **runs** where',
    'none does. Computed by `chainMatrix` of `@kernel-models/exec-check`; `npx vitest run',
    'test-models/repository/attack-chains.test.ts -u` writes this page again.',
    '',
    'R: EXEC_RESTRICT_FILE set and locked; D: EXEC_DENY_INTERACTIVE set and locked; noexec: the mount that users',
    'may write is noexec. Interpreters and ld.so are enlightened unless the chain says otherwise.',
    '',
    ...REVISIONS.flatMap(matrix),
    '## What exploring finds',
    '',
    'Every last step by which untrusted code can be made to run on linux-6.18, each with a shortest way to it,',
    'up to three steps.',
    '',
    ...POLICIES.flatMap(found),
  ].join('\n');
  await expect(text).toMatchFileSnapshot(join(ROOT, 'docs/attack-chains.md'));
});

function matrix(revision: string): readonly string[] {
  const results = chainMatrix(revision);
  const rows = CHAINS.map(({ id, title }) => {
    const cells = results.filter(({ chain }) => chain === id).map(verdict);
    return `| ${[id, title, ...cells].join(' | ')} |`;
  });
  const head = ['chain', 'what it is', ...POLICIES.map(policyName)];
  return [
    `## ${revision}`,
    '',
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows,
    '',
  ];
}

function verdict({ blocked, rule }: ChainResult): string {
  return blocked ? rule : '**runs**';
}

function policyName({ restrictFile, denyInteractive, noexec }: Policy): string {
  const names = [restrictFile && 'R', denyInteractive && 'D', noexec && 'noexec'];
  return names.filter((name) => name !== false).join(' + ') || 'none';
}

function found(policy: Policy): readonly string[] {
  const chains = enumerateChains(policy, 'linux-6.18', 3).map(
    (chain) => `- ${chain.map((one) => `\`${describeExecCheckOperation(one)}\``).join(', then ')}`,
  );
  return [`### ${policyName(policy)}`, '', ...(chains.length === 0 ? ['none'] : chains), ''];
}
