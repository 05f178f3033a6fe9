// SPDX-License-Identifier: MIT
import { ALL_CAPABILITIES, CAP_DAC_OVERRIDE } from '../capability.ts';
import { at } from '../lists.ts';
import { featuresOf } from '../revisions.ts';
import {
  errnoOf,
  fileOfCall,
  inWorld,
  located,
  ofCheck,
  ofExec,
  releases,
  withCredentials,
  type ExecInvariant,
} from './exec-call.ts';

/** Who may execute what. */
export const PERMISSION_INVARIANTS: readonly ExecInvariant[] = [
  ofExec(
    'exec.permission-by-fsuid',
    'Only fsuid is compared with the owner of a file: another euid changes nothing.',
    (call) =>
      [0, 7, 4711].every(
        (euid) => inWorld(call, withCredentials(call, { euid })) === errnoOf(call.step.outcome),
      ),
  ),
  ofCheck(
    'exec.owner-class-excludes',
    'An owner without the execute bit and without CAP_DAC_OVERRIDE is refused, whatever group and others may.',
    (call) => {
      const inode = fileOfCall(call);
      if (inode === undefined || call.step.outcome.kind !== 'value') return true;
      const { fsuid, effective } = call.task.credentials;
      const owns = fsuid === inode.uid && (effective & CAP_DAC_OVERRIDE) === 0n;
      return !owns || (inode.mode & 0o100) !== 0;
    },
  ),
  ofCheck('exec.some-execute-bit', 'Nobody executes a file without any execute bit.', (call) => {
    const inode = fileOfCall(call);
    return inode === undefined || call.step.outcome.kind !== 'value' || (inode.mode & 0o111) !== 0;
  }),
  ofCheck(
    'exec.noexec-by-mount',
    'Execution is refused for noexec exactly where the mount that leads to the file has it, or its superblock.',
    (call) => {
      const place = located(call);
      if (place === undefined) return true;
      const mount = at(call.before.mounts, place.mount);
      const superblock = at(call.before.superblocks, mount.superblock);
      if (superblock.type === 'anon') return true;
      const noexec = mount.noexec || superblock.noexec;
      if (call.step.rule === 'execveat.noexec') return noexec;
      return call.step.outcome.kind !== 'value' || !noexec;
    },
  ),
  ofCheck(
    'exec.capabilities-never-hurt',
    'More capabilities never turn a success into an error.',
    (call) =>
      call.step.outcome.kind !== 'value' ||
      inWorld(
        call,
        withCredentials(call, { effective: ALL_CAPABILITIES, permitted: ALL_CAPABILITIES }),
      ) === 'ok',
  ),
  ofCheck(
    'exec.noexec-never-helps',
    'noexec on every mount never turns an error into a success.',
    (call) => {
      if (call.step.outcome.kind === 'value') return true;
      const mounts = call.before.mounts.map((mount) => ({ ...mount, noexec: true }));
      return inWorld(call, { ...call.before, mounts }) !== 'ok';
    },
  ),
  ofExec(
    'exec.anonymous-inode-is-eacces',
    'No anonymous inode is ever executable, and the answer does not depend on its mode.',
    (call) => {
      const inode = fileOfCall(call);
      if (inode?.kind !== 'anon' || call.step.outcome.kind !== 'errno') return true;
      return call.step.outcome.errno !== 'ENXIO';
    },
    releases((id) => !featuresOf(id).anonChmod),
  ),
];
