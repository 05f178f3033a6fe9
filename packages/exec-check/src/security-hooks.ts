// SPDX-License-Identifier: MIT
import type { Call } from './call.ts';
import type { Context } from './context.ts';
import { refusal, type Refusal } from './refusal.ts';
import type { RuleName } from './rules.ts';
import type { LsmHook } from './setup.ts';
import type { InodeId } from './state.ts';

const HOOK_RULES: Readonly<Record<LsmHook, RuleName>> = {
  inodePermission: 'lsm.inode-permission',
  fileOpen: 'lsm.file-open',
  filePostOpen: 'lsm.file-post-open',
  bprmCredsForExec: 'lsm.bprm-creds-for-exec',
  bprmCheck: 'lsm.bprm-check',
  bprmCredsFromFile: 'lsm.bprm-creds-from-file',
  usernsCreate: 'lsm.userns-create',
};

/**
 * What the played module says at a hook. Mirrors the call_int_hook() of the hook,
 * security/security.c.
 */
export function callHook(
  { state, task }: Context,
  hook: LsmHook,
  inode: InodeId,
  isCheck: boolean,
): Refusal | undefined {
  if (state.lsm.length === 0) return undefined;
  const denying = state.lsm.find(
    (rule) =>
      rule.hook === hook &&
      (rule.path === undefined || rule.inode === inode) &&
      (rule.task === undefined || rule.task === task.name) &&
      (rule.isCheck === undefined || rule.isCheck === isCheck),
  );
  return denying === undefined ? undefined : refusal(denying.errno, HOOK_RULES[hook]);
}

const IMA_FILE_CHECK = refusal('EACCES', 'ima.file-check');
const IMA_BPRM_CHECK = refusal('EACCES', 'ima.bprm-check');
const IMA_EXECVE_CHECK = refusal('EACCES', 'ima.execve-check');
const IPE_BPRM_CHECK = refusal('EACCES', 'ipe.bprm-check');
const IPE_EXECVE_CHECK = refusal('EACCES', 'ipe.execve-check');

/**
 * Appraisal at file_post_open. Mirrors ima_file_check(), security/integrity/ima/ima_main.c, Linux
 * 6.14.
 */
export function imaFileCheck(call: Call): Refusal | undefined {
  return appraise(call, 'FILE_CHECK', 'INTEGRITY_DATA') ? undefined : IMA_FILE_CHECK;
}

/** Appraisal of each file of a real exec. Mirrors ima_bprm_check(), same file. */
export function imaBprmCheck(call: Call): Refusal | undefined {
  return appraise(call, 'BPRM_CHECK', 'INTEGRITY_DATA') ? undefined : IMA_BPRM_CHECK;
}

/**
 * Appraisal of a checked file: enforcement is up to user space, so the record says so. Mirrors
 * ima_bprm_creds_for_exec(), same file, Linux 6.14.
 */
export function imaExecveCheck(call: Call): Refusal | undefined {
  if (!call.isCheck || !call.features.imaOnCheck) return undefined;
  // What lies on the stack there is not known; this address of the file stands in for it.
  const garbage = call.features.imaAuditType === 'uninitialised' && call.inodeId % 2 === 0;
  const type = garbage ? 'INTEGRITY_DATA' : 'INTEGRITY_USERSPACE';
  return appraise(call, 'BPRM_CHECK', type) ? undefined : IMA_EXECVE_CHECK;
}

function appraise(
  { state, inode, audit, args }: Call,
  policyFunction: 'BPRM_CHECK' | 'FILE_CHECK',
  type: 'INTEGRITY_DATA' | 'INTEGRITY_USERSPACE',
): boolean {
  const { ima } = state;
  if (ima === null || !ima.functions.includes(policyFunction) || inode.signed) return true;
  audit.push({ type, ...(args.path.kind === 'text' ? { path: args.path.text } : {}) });
  return ima.mode === 'log';
}

/**
 * IPE's operation EXECUTE on a real exec. Mirrors ipe_bprm_check_security(), security/ipe/hooks.c.
 */
export function ipeBprmCheck(call: Call): Refusal | undefined {
  return ipeTrusts(call) ? undefined : IPE_BPRM_CHECK;
}

/** The same on a check. Mirrors ipe_bprm_creds_for_exec(), security/ipe/hooks.c, Linux 6.19. */
export function ipeExecveCheck(call: Call): Refusal | undefined {
  if (!call.isCheck || !call.features.ipeOnCheck || ipeTrusts(call)) return undefined;
  return IPE_EXECVE_CHECK;
}

function ipeTrusts({ state, inode, audit, args }: Call): boolean {
  const { ipe } = state;
  if (ipe === null || inode.trusted) return true;
  audit.push({
    type: 'IPE_ACCESS',
    ...(args.path.kind === 'text' ? { path: args.path.text } : {}),
  });
  return ipe.mode === 'log';
}
