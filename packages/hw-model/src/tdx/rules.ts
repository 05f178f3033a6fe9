// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

/** Every rule: its sentence and its origin. */
const TABLE = {
  'tdcall.not-running': ['TDCALL outside a running TD is #UD.', 'Intel SDM, TDCALL'],
  'tdcall.cpl': ['TDCALL above ring 0 is #GP and never reaches the module.', 'Intel SDM, TDCALL'],
  'tdcall.long-mode': [
    'TDCALL outside 64-bit mode is #GP.',
    'Intel TDX Module 1.5.01 source, td_call(), tdx_td_dispatcher.c',
  ],
  'tdcall.reserved': [
    'Reserved bits of RAX, or a version above 0, are an invalid RAX.',
    'Intel TDX Module 1.5.01 source, tdx_td_dispatcher.c',
  ],
  'tdcall.unknown-leaf': [
    'A leaf that the module does not have is an invalid RAX.',
    'Intel TDX Module 1.5.01 source, tdx_td_dispatcher.c',
  ],
  'tdcall.unmodelled-leaf': [
    'A leaf that attestation never uses: the module has it, and what it does is not said here.',
    'Intel TDX Module ABI specification, TDCALL leaves',
  ],
  'memory.invalid-gpa': [
    'An address beyond the width of guest physical addresses is an invalid operand.',
    'Intel TDX Module 1.5.01 source, check_gpa_validity()',
  ],
  'memory.pending-ve': [
    'Touching a pending page raises #VE.',
    'Intel TDX Module ABI specification, Secure EPT, PENDING',
  ],
  'memory.pending-exit': [
    'Touching a pending page exits to the host where SEPT_VE_DISABLE is set.',
    'Intel TDX Module ABI specification, ATTRIBUTES.SEPT_VE_DISABLE',
  ],
  'memory.not-mapped': [
    'Touching a page that is not mapped, or blocked, exits to the host.',
    'Intel TDX Module 1.5.01 source, check_walk_and_map_guest_side_gpa()',
  ],
  'memory.crosses-frame': ['An access lies within one 4 KiB frame.', 'This model'],
  'memory.read': [
    'A mapped page is read.',
    'Intel TDX Module ABI specification, guest physical address space',
  ],
  'memory.write': [
    'A mapped page is written.',
    'Intel TDX Module ABI specification, guest physical address space',
  ],
  'report.output-alignment': [
    'TDG.MR.REPORT: RCX is 1024-byte aligned.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.input-alignment': [
    'TDG.MR.REPORT: RDX is 64-byte aligned.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.input-gpa': [
    'TDG.MR.REPORT: RDX is a valid address, private or shared.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.subtype': [
    'TDG.MR.REPORT: all 64 bits of R8 are 0.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.rtmr-lock': [
    'TDG.MR.REPORT: while somebody extends an RTMR the answer is BUSY on RTMR.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.interrupted': [
    'TDG.MR.REPORT: an interrupt that waits when TEE_INFO_HASH had to be computed comes first.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.output-gpa': [
    'TDG.MR.REPORT: RCX is a valid address, private or shared.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'report.success': [
    'TDG.MR.REPORT: 1024 bytes are written at the very end.',
    'Intel TDX Module 1.5.01 source, tdg_mr_report.c',
  ],
  'extend.alignment': [
    'TDG.MR.RTMR.EXTEND: RCX is 64-byte aligned.',
    'Intel TDX Module 1.5.01 source, tdg_rtmr_extend.c',
  ],
  'extend.gpa': [
    'TDG.MR.RTMR.EXTEND: RCX is a valid private address.',
    'Intel TDX Module 1.5.01 source, tdg_rtmr_extend.c',
  ],
  'extend.index': [
    'TDG.MR.RTMR.EXTEND: RDX is 0 to 3.',
    'Intel TDX Module 1.5.01 source, tdg_rtmr_extend.c',
  ],
  'extend.rtmr-lock': [
    'TDG.MR.RTMR.EXTEND: while somebody else extends, the answer is BUSY on RTMR.',
    'Intel TDX Module 1.5.01 source, tdg_rtmr_extend.c',
  ],
  'extend.success': [
    'TDG.MR.RTMR.EXTEND: the register becomes SHA-384 of itself and the 48 bytes.',
    'Intel TDX Module 1.5.01 source, tdg_rtmr_extend.c',
  ],
  'verify.alignment': [
    'TDG.MR.VERIFYREPORT: RCX is 256-byte aligned.',
    'Intel TDX Module 1.5.01 source, tdg_mr_verifyreport.c',
  ],
  'verify.gpa': [
    'TDG.MR.VERIFYREPORT: RCX is a valid private address.',
    'Intel TDX Module 1.5.01 source, tdg_mr_verifyreport.c',
  ],
  'verify.cpusvn': [
    'TDG.MR.VERIFYREPORT: a report newer than the CPU is refused.',
    'Intel TDX Module 1.5.01 source, tdg_mr_verifyreport.c',
  ],
  'verify.mac': [
    'TDG.MR.VERIFYREPORT: a REPORTMACSTRUCT that this platform did not make is refused.',
    'Intel TDX Module 1.5.01 source, tdg_mr_verifyreport.c',
  ],
  'verify.success': [
    'TDG.MR.VERIFYREPORT: the MAC is right; the hashes in it are the caller’s to check.',
    'Intel TDX Module 1.5.01 source, tdg_mr_verifyreport.c',
  ],
  'vp-info.success': [
    'TDG.VP.INFO never fails.',
    'Intel TDX Module ABI specification, TDG.VP.INFO',
  ],
  've-info.none': [
    'TDG.VP.VEINFO.GET: without a #VE to tell of there is no information.',
    'Intel TDX Module ABI specification, TDG.VP.VEINFO.GET',
  ],
  've-info.success': [
    'TDG.VP.VEINFO.GET: the information is given once.',
    'Intel TDX Module ABI specification, TDG.VP.VEINFO.GET',
  ],
  'accept.operand': [
    'TDG.MEM.PAGE.ACCEPT: reserved bits, a level above 1 or an unaligned address are invalid.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.gpa': [
    'TDG.MEM.PAGE.ACCEPT: RCX holds a valid private address.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.entry-lock': [
    'TDG.MEM.PAGE.ACCEPT: a locked entry is BUSY.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.larger-mapped': [
    'TDG.MEM.PAGE.ACCEPT: a part of a larger accepted page is already accepted.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.not-there': [
    'TDG.MEM.PAGE.ACCEPT: no entry, a larger pending one or a blocked one exits to the host.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.size-mismatch': [
    'TDG.MEM.PAGE.ACCEPT: a large page that is mapped as small ones has another size.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.already': [
    'TDG.MEM.PAGE.ACCEPT: an accepted page is already accepted.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.interrupted': [
    'TDG.MEM.PAGE.ACCEPT: an interrupt between two chunks of a large page comes first.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'accept.success': [
    'TDG.MEM.PAGE.ACCEPT: the page is zeroed and mapped.',
    'Intel TDX Module 1.5.01 source, tdg_mem_page_accept.c',
  ],
  'vmcall.mask': [
    'TDG.VP.VMCALL: the mask must not expose RAX, RCX, RSP, nor RBP where NO_RBP_MOD is set.',
    'Intel TDX Module ABI specification, TDG.VP.VMCALL',
  ],
  'vmcall.success': [
    'TDG.VP.VMCALL: exposed registers go to the host and come back from it.',
    'Intel TDX Module ABI specification, TDG.VP.VMCALL',
  ],
  'host.wrong-phase': [
    'A SEAMCALL that the TD’s state does not allow fails with OP_STATE_INCORRECT.',
    'Intel TDX Module ABI specification, TD life cycle',
  ],
  'mng-init.attributes': [
    'TDH.MNG.INIT: ATTRIBUTES are supported ones.',
    'Intel TDX Module ABI specification, TDH.MNG.INIT',
  ],
  'mng-init.xfam': [
    'TDH.MNG.INIT: XFAM is a supported one.',
    'Intel TDX Module ABI specification, TDH.MNG.INIT',
  ],
  'mng-init.success': [
    'TDH.MNG.INIT fixes the parameters.',
    'Intel TDX Module ABI specification, TDH.MNG.INIT',
  ],
  'page-add.operand': [
    'TDH.MEM.PAGE.ADD: a page-aligned private address, at most one page of content.',
    'Intel TDX Module ABI specification, TDH.MEM.PAGE.ADD',
  ],
  'page-add.present': [
    'TDH.MEM.PAGE.ADD: the page is not there yet.',
    'Intel TDX Module ABI specification, TDH.MEM.PAGE.ADD',
  ],
  'page-add.success': [
    'TDH.MEM.PAGE.ADD: the page is there, and its address alone is measured.',
    'Intel TDX Module ABI specification, TDH.MEM.PAGE.ADD',
  ],
  'mr-extend.operand': [
    'TDH.MR.EXTEND: a 256-byte aligned address in an added page.',
    'Intel TDX Module ABI specification, TDH.MR.EXTEND',
  ],
  'mr-extend.success': [
    'TDH.MR.EXTEND: the 256 bytes are measured.',
    'Intel TDX Module ABI specification, TDH.MR.EXTEND',
  ],
  'vp-init.success': [
    'TDH.VP.INIT: one more vCPU.',
    'Intel TDX Module ABI specification, TDH.VP.INIT',
  ],
  'mr-finalize.no-vcpu': [
    'TDH.MR.FINALIZE: a TD without a vCPU cannot run.',
    'Intel TDX Module ABI specification, TDH.MR.FINALIZE',
  ],
  'mr-finalize.success': [
    'TDH.MR.FINALIZE: MRTD is fixed and the TD may run.',
    'Intel TDX Module ABI specification, TDH.MR.FINALIZE',
  ],
  'page-aug.operand': [
    'TDH.MEM.PAGE.AUG: an address aligned to the level, private and free.',
    'Intel TDX Module ABI specification, TDH.MEM.PAGE.AUG',
  ],
  'page-aug.success': [
    'TDH.MEM.PAGE.AUG: the page is there, pending.',
    'Intel TDX Module ABI specification, TDH.MEM.PAGE.AUG',
  ],
  'range-block.not-present': [
    'TDH.MEM.RANGE.BLOCK: the page is there.',
    'Intel TDX Module ABI specification, TDH.MEM.RANGE.BLOCK',
  ],
  'range-block.success': [
    'TDH.MEM.RANGE.BLOCK: the page can no longer be reached.',
    'Intel TDX Module ABI specification, TDH.MEM.RANGE.BLOCK',
  ],
  'host.done': [
    'The host acts on what is its own.',
    'Intel TDX Module ABI specification, host-side interface',
  ],
  'host.private-address': [
    'The host reaches a TD’s memory through shared addresses alone.',
    'Intel TDX Module ABI specification, guest physical address space',
  ],
  'inject-ve.success': [
    'A #VE is delivered with its information.',
    'Intel TDX Module ABI specification, #VE injection',
  ],
  'inject-ve.nested': [
    'A #VE before the information of the last was fetched becomes a #DF.',
    'Intel TDX Module 1.5.01 source, #VE injection',
  ],
} as const;

/** The id of a rule of the TDX module. */
export type RuleName = keyof typeof TABLE;

/** Every rule that can decide an outcome. */
export const RULES: readonly Rule[] = Object.entries(TABLE).map(([id, [sentence, origin]]) => ({
  id,
  sentence,
  origin,
}));
