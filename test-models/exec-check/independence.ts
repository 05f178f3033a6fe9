// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { deepEqual } from '@kernel-models/model-core';
import {
  AT_EMPTY_PATH,
  AT_EXECVE_CHECK,
  AT_FDCWD,
  INIT,
  type MountFlag,
  type NodeSpec,
  type Operation,
  type Setup,
  type TaskSpec,
} from '@kernel-models/exec-check';
import { capabilities, content, IDS, PATHS } from './arbitraries.ts';
import { defineProperty, type Property } from './property.ts';
import { resultOf, Scene, situations, type Situation } from './situation.ts';

/*
 * What a check does not depend on, what it does not change, and in which direction it may move when
 * something is added: I2 to I5 and I9, and what the planted bugs of this kind get wrong.
 */

function withNodes(situation: Situation, change: (node: NodeSpec) => NodeSpec): Situation {
  const { setup } = situation;
  return { ...situation, setup: { ...setup, nodes: setup.nodes.map(change) } };
}

function withTasks(situation: Situation, change: (task: TaskSpec) => TaskSpec): Situation {
  const { setup } = situation;
  return { ...situation, setup: { ...setup, tasks: setup.tasks.map(change) } };
}

const contentDoesNotMatter = defineProperty({
  id: 'check.ignores-content',
  sentence: 'what is in a file does not matter to a check (I2)',
  coverage: { ok: 5, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), content, (situation, other) => {
      const one = Scene.arrive(model, revision, base, situation, 'files');
      const changed = withNodes(situation, (node) =>
        node.kind === 'file' ? { ...node, content: other } : node,
      );
      const two = Scene.arrive(model, revision, base, changed, 'files');
      const answers = [one.check(), two.check()] as const;
      labels.count([resultOf(answers[0])]);
      if (resultOf(answers[0]) !== resultOf(answers[1])) {
        two.violated(`${resultOf(answers[0])} with other content`, answers[1]);
      }
    }),
});

const securebitsDoNotMatter = defineProperty({
  id: 'check.ignores-securebits',
  sentence: 'the exec securebits do not matter to the kernel (I3)',
  coverage: { ok: 8, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), fc.nat({ max: 15 }), (situation, bits) => {
      const one = Scene.arrive(model, revision, base, situation, 'files');
      const changed = withTasks(situation, (task) => ({
        ...task,
        securebits: task.securebits ^ (bits << 8),
      }));
      const two = Scene.arrive(model, revision, base, changed, 'files');
      for (const what of ['check', 'exec'] as const) {
        if (what === 'exec' && one.task === INIT) continue;
        const [left, right] = [one[what](), two[what]()];
        if (what === 'check') labels.count([resultOf(left)]);
        if (!deepEqual(left.outcome, right.outcome)) {
          two.violated(`${resultOf(left)} with other securebits`, right);
        }
      }
    }),
});

const changesNothing = defineProperty({
  id: 'check.changes-nothing',
  sentence: 'after a check everything answers as if it had not been made (I4)',
  coverage: { ok: 8, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), (situation) => {
      const scene = Scene.arrive(model, revision, base, situation);
      if (scene.hasProcessFlag) return;
      const check = scene.check();
      labels.count([resultOf(check)]);
      const without = scene.goOn(situation.after, scene.state);
      const behind = scene.goOn(situation.after, check.state);
      const differs = without.findIndex(
        ({ outcome }, index) => !deepEqual(outcome, behind[index]?.outcome),
      );
      if (differs !== -1) {
        scene.violated(
          'something answers otherwise after a check',
          check,
          ...behind.slice(0, differs + 1),
        );
      }
    }),
});

const writersComeBack = defineProperty({
  id: 'check.releases-writers',
  sentence: 'after a check every file can be opened for writing as before (I9)',
  coverage: { ok: 10, ENOENT: 5 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), fc.constantFrom(...PATHS), (situation, path) => {
      const scene = Scene.arrive(model, revision, base, situation);
      const called = scene.call.path.kind === 'text' ? scene.call.path.text : path;
      const check = scene.check();
      for (const each of [path, called]) {
        const open = { op: 'open', task: INIT, fd: 9, path: each, flags: ['O_WRONLY'] } as const;
        const before = scene.perform(open);
        const after = scene.perform(open, check.state);
        labels.count([resultOf(before)]);
        if (resultOf(before) !== resultOf(after)) {
          scene.violated(`open for writing: ${resultOf(before)} without a check`, check, after);
        }
      }
    }),
});

const moreBitsNeverHurt = defineProperty({
  id: 'check.monotone-in-mode',
  sentence: 'more execute bits never turn a success into an error (I5)',
  coverage: { ok: 8, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(
      situations(base),
      fc.constantFrom(0o111, 0o100, 0o010, 0o001),
      (situation, more) => {
        const one = Scene.arrive(model, revision, base, situation, 'nothing');
        // The group bits of a file with an access list are its mask, and switch the list on.
        const changed = withNodes(situation, (node) =>
          'mode' in node && !('acl' in node) ? { ...node, mode: node.mode | more } : node,
        );
        const before = one.check();
        labels.count([resultOf(before)]);
        if (resultOf(before) !== 'ok') return;
        const two = Scene.arrive(model, revision, base, changed, 'nothing');
        const after = two.check();
        if (resultOf(after) !== 'ok') two.violated('a success without the bits', after);
      },
    ),
});

const noexecNeverHelps = defineProperty({
  id: 'check.monotone-in-noexec',
  sentence: 'noexec on a mount never turns an error into a success (I5)',
  coverage: { 'ok ok': 8, 'ok EACCES': 1 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), fc.nat({ max: 3 }), (situation, which) => {
      const { setup } = situation;
      const mounts = setup.mounts.map((mount, index) =>
        index === which
          ? { ...mount, flags: [...new Set([...mount.flags, 'noexec' as const])] }
          : mount,
      );
      const changed = { ...situation, setup: { ...setup, mounts } };
      const one = Scene.arrive(model, revision, base, situation, 'nothing');
      const two = Scene.arrive(model, revision, base, changed, 'nothing');
      const root = { op: 'remount', task: INIT, path: '/', flags: ['noexec'] } as const;
      const answers = which === 3 ? [two.perform(root)] : [];
      const before = one.check();
      const after = two.check(answers[0]?.state);
      labels.count([`${resultOf(before)} ${resultOf(after)}`]);
      if (resultOf(after) === 'ok' && resultOf(before) !== 'ok') {
        two.violated(`${resultOf(before)} without noexec`, ...answers, after);
      }
    }),
});

const capabilitiesNeverHurt = defineProperty({
  id: 'check.monotone-in-capabilities',
  sentence: 'more capabilities never turn a success into an error (I5)',
  coverage: { ok: 8, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), capabilities, (situation, more) => {
      const one = Scene.arrive(model, revision, base, situation, 'nothing');
      const before = one.check();
      labels.count([resultOf(before)]);
      if (resultOf(before) !== 'ok') return;
      const changed = withTasks(situation, (task) => ({
        ...task,
        caps: {
          ...task.caps,
          effective: task.caps.effective | more,
          permitted: task.caps.permitted | more,
        },
      }));
      const two = Scene.arrive(model, revision, base, changed, 'nothing');
      const after = two.check();
      if (resultOf(after) !== 'ok') two.violated('a success with fewer capabilities', after);
    }),
});

const onlyFsuid = defineProperty({
  id: 'check.by-fsuid',
  sentence: 'of the four uids only fsuid decides about permission',
  coverage: { ok: 8, EACCES: 10 },
  of: (model, revision, base, labels) =>
    fc.property(situations(base), fc.constantFrom(...IDS), (situation, uid) => {
      // In a user namespace every id must have a name, another euid too.
      const bare = {
        ...situation,
        setup: {
          ...situation.setup,
          tasks: situation.setup.tasks.filter(({ userns }) => userns === undefined),
        },
      };
      const one = Scene.arrive(model, revision, base, bare, 'nothing');
      const two = Scene.arrive(
        model,
        revision,
        base,
        withTasks(bare, (task) => ({ ...task, euid: uid })),
        'nothing',
      );
      const [before, after] = [one.check(), two.check()];
      labels.count([resultOf(before)]);
      if (resultOf(before) !== resultOf(after)) {
        two.violated(`${resultOf(before)} with another euid`, after);
      }
    }),
});

/** Two files of one file system; somebody marks one of them, somebody checks the other. */
const marksElsewhere = defineProperty({
  id: 'check.depends-on-its-file',
  sentence: 'marks on another file of the superblock do not change the answer about this one',
  coverage: { ok: 20, ETXTBSY: 20 },
  of: (model, revision, base, labels) =>
    fc.property(
      fc.boolean(),
      fc.constantFrom('FAN_CLASS_CONTENT' as const, 'FAN_CLASS_PRE_CONTENT' as const),
      fc.constantFrom('FAN_OPEN' as const, 'FAN_ACCESS_PERM' as const),
      fc.constantFrom('f', 'd/f'),
      (busy, group, mask, name) => {
        const setup: Setup = {
          mounts: [],
          nodes: [plainFile(`/${name}`), plainFile('/other')],
          tasks: [],
        };
        const situation: Situation = { setup, before: [], after: [], call: [0, 0, 0, 0, 0, 0, 0] };
        const scene = Scene.arrive(model, revision, base, situation);
        const writer = {
          op: 'open',
          task: INIT,
          fd: 3,
          path: `/${name}`,
          flags: ['O_WRONLY'],
        } as const;
        const answers = busy ? [scene.perform(writer)] : [];
        const check = checkBy(AT_FDCWD, `/${name}`);
        const before = scene.perform(check, answers[0]?.state);
        labels.count([resultOf(before)]);
        const init = {
          op: 'fanotifyInit',
          task: INIT,
          group: 0,
          class: group,
          answer: 'FAN_ALLOW',
        } as const;
        const made = scene.perform(init, before.state);
        const mark = {
          op: 'fanotifyMark',
          task: INIT,
          group: 0,
          scope: 'inode',
          mask: [mask],
          path: '/other',
        } as const;
        const marked = scene.perform(mark, made.state);
        const after = scene.perform(check, marked.state);
        if (resultOf(before) !== resultOf(after)) {
          scene.violated(
            `${resultOf(before)} without the mark`,
            ...answers,
            before,
            made,
            marked,
            after,
          );
        }
      },
    ),
});

/** One file behind three mounts: its own, a bind of its directory, an overlay of it. */
const noexecByMount = defineProperty({
  id: 'check.noexec-by-mount',
  sentence: 'noexec counts exactly for what is reached through the mount that has it',
  coverage: { ok: 20, EACCES: 20 },
  of: (model, revision, base, labels) =>
    fc.property(
      fc.subarray(['/m', '/b', '/o']),
      fc.constantFrom('/m', '/b', '/o'),
      fc.boolean(),
      (noexec, through, byDescriptor) => {
        const flags = (at: string): MountFlag[] => (noexec.includes(at) ? ['noexec'] : []);
        const setup: Setup = {
          mounts: [
            { kind: 'tmpfs', at: '/m', flags: flags('/m') },
            { kind: 'bind', from: '/m', at: '/b', flags: flags('/b') },
            { kind: 'overlay', lower: '/m', at: '/o', flags: flags('/o') },
          ],
          nodes: [plainFile('/m/f')],
          tasks: [],
        };
        const situation = { setup, before: [], after: [], call: [0] };
        const scene = Scene.arrive(model, revision, base, situation);
        const path = `${through}/f`;
        const open = scene.perform({ op: 'open', task: INIT, fd: 3, path, flags: ['O_PATH'] });
        const how = byDescriptor ? { dirfd: 3, path: '' } : { dirfd: AT_FDCWD, path };
        const check = scene.perform(checkBy(how.dirfd, how.path), open.state);
        labels.count([resultOf(check)]);
        const expected = noexec.includes(through) ? 'EACCES' : 'ok';
        if (resultOf(check) !== expected) {
          scene.violated(`${resultOf(check)} through ${through}`, open, check);
        }
      },
    ),
});

function plainFile(path: string): NodeSpec {
  return { kind: 'file', path, mode: 0o755, uid: 0, gid: 0, content: { kind: 'empty' } };
}

function checkBy(dirfd: number, text: string): Operation {
  const flags = AT_EXECVE_CHECK | (text === '' ? AT_EMPTY_PATH : 0);
  const none = { argv: { kind: 'null' }, envp: { kind: 'null' } } as const;
  return { op: 'execveat', task: INIT, dirfd, path: { kind: 'text', text }, flags, ...none };
}

export const INDEPENDENCE: readonly Property[] = [
  contentDoesNotMatter,
  securebitsDoNotMatter,
  changesNothing,
  writersComeBack,
  moreBitsNeverHurt,
  noexecNeverHelps,
  capabilitiesNeverHurt,
  onlyFsuid,
  marksElsewhere,
  noexecByMount,
];
