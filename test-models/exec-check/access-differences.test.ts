// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { AT_EACCESS, AT_EXECVE_CHECK, execCheck, type Operation } from '@kernel-models/exec-check';
import { covered } from '../support/rule-coverage.ts';
import { ACCESS } from './access-differences.ts';
import { FAULTS, plain, type Plan } from './order.ts';
import { hold } from './property.ts';

const model = covered(execCheck);

describe('faccessat and a check', () => {
  test.each(ACCESS)('$id: $sentence', async (property) => {
    await hold(property, model, 'linux-6.18');
  });

  /** The list: where a check fails, and what faccessat(X_OK, AT_EACCESS) of the same file says. */
  test.each([
    ['a directory', 'EACCES', 'ok'],
    ['no permission', 'EACCES', 'EACCES'],
    ['noexec', 'EACCES', 'EACCES'],
    ['a module', 'EKEYREJECTED', 'ok'],
    ['a listener', 'EPERM', 'ok'],
    ['a writer', 'ETXTBSY', 'ok'],
    ['argv pointer', 'EFAULT', 'ok'],
    ['too large', 'E2BIG', 'ok'],
    ['one too many', 'EAGAIN', 'ok'],
    ['missing', 'ENOENT', 'ENOENT'],
  ] as const)('%s: %s, %s', (name, strict, weak) => {
    const fault = FAULTS.find((each) => each.name === name);
    const plan = fault === undefined ? plain() : fault.inject(plain());
    expect(answers(plan)).toEqual({ check: strict, access: weak });
  });

  test('the real ids decide without AT_EACCESS', () => {
    const plan = plain();
    const tasks = plan.setup.tasks.map((task) => ({
      ...task,
      ruid: 8,
      rgid: 8,
      egid: 8,
      fsgid: 8,
    }));
    const before: Operation[] = [
      { op: 'chown', task: 'init', path: '/e/f', uid: 8, gid: 8 },
      { op: 'chmod', task: 'init', path: '/e/f', mode: 0o100 },
    ];
    const own = { ...plan, setup: { ...plan.setup, tasks }, before };
    expect(answers(own, 0)).toEqual({ check: 'EACCES', access: 'ok' });
    expect(answers(own)).toEqual({ check: 'EACCES', access: 'EACCES' });
  });
});

function answers(
  plan: Plan,
  flags = AT_EACCESS,
): { readonly check: string; readonly access: string } {
  const revision = 'linux-6.18';
  let state = model.initial(plan.setup);
  for (const operation of plan.before) state = model.apply(state, operation, revision).state;
  const ask = (operation: Operation): string => {
    const { outcome } = model.apply(state, operation, revision);
    return outcome.kind === 'errno' ? outcome.errno : 'ok';
  };
  const { dirfd, path } = plan.call;
  return {
    check: ask({ op: 'execveat', task: 't1', ...plan.call, flags: AT_EXECVE_CHECK }),
    access: ask({ op: 'faccessat', task: 't1', dirfd, path, access: 1, flags }),
  };
}
