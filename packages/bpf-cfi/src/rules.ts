// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

/** Sentences and origins by rule: what must hold, or what has happened. */
const TABLE = {
  'model.impossible': ['What an operation names is there.', 'This model; no kernel is asked.'],
  'boot.once': ['A kernel boots once.', 'start_kernel(), init/main.c'],
  'boot.off': ['Checks are disabled.', '__apply_fineibt(), arch/x86/kernel/alternative.c'],
  'boot.kcfi': ['Callers check kCFI hashes.', '__apply_fineibt(), arch/x86/kernel/alternative.c'],
  'boot.fineibt': ['Callees check hashes.', '__apply_fineibt(), arch/x86/kernel/alternative.c'],
  'boot.failed': [
    'A preamble has a hash; at one without, rewriting stops and callers stay disabled.',
    '__apply_fineibt(), arch/x86/kernel/alternative.c',
  ],
  'load.unknown-struct': [
    'The struct is one that BPF may implement.',
    'check_struct_ops_btf_id(), kernel/bpf/verifier.c',
  ],
  'load.unknown-member': [
    'The struct has the member.',
    'check_struct_ops_btf_id(), kernel/bpf/verifier.c',
  ],
  'load.not-a-function': [
    'The member is a function pointer.',
    'check_struct_ops_btf_id(), kernel/bpf/verifier.c',
  ],
  'load.unsupported-member': [
    'The member has a stub.',
    'check_struct_ops_btf_id(), kernel/bpf/verifier.c, Linux 6.9',
  ],
  'load.sleepable': [
    'Only some members may sleep.',
    'bpf_dummy_ops_check_member(), net/bpf/bpf_dummy_struct_ops.c',
  ],
  'load.context-bounds': [
    'A program reads only the arguments that the member has.',
    'btf_ctx_access(), kernel/bpf/btf.c',
  ],
  'load.null-dereference': [
    'A parameter that may be NULL is tested before it is used.',
    'check_mem_access(), kernel/bpf/verifier.c, Linux 6.11',
  ],
  'load.done': ['The program is loaded.', 'bpf_prog_load(), kernel/bpf/syscall.c'],
  'unload.kept': [
    'A program that something refers to stays.',
    'bpf_prog_put(), kernel/bpf/syscall.c',
  ],
  'unload.freed': [
    'Its image becomes free space, filled with INT3.',
    'bpf_jit_free(), arch/x86/net/bpf_jit_comp.c',
  ],
  'image.shown': [
    'Program info shows an image from its entry on.',
    'bpf_prog_get_info_by_fd(), kernel/bpf/syscall.c',
  ],
  'text.shown': [
    'In kernel memory an image begins with its preamble.',
    'emit_prologue(), arch/x86/net/bpf_jit_comp.c',
  ],
  'text.subprogram': [
    'A subprogram has an image of its own, with the preamble of a callback.',
    'jit_subprogs(), kernel/bpf/verifier.c',
  ],
  'tail.incompatible': [
    'A program jumps into programs of its own type.',
    'bpf_prog_map_compatible(), kernel/bpf/core.c',
  ],
  'tail.set': [
    'The jump around is patched away, and the jump leads into the program.',
    'bpf_arch_poke_desc_update(), arch/x86/net/bpf_jit_comp.c',
  ],
  'tail.cleared': [
    'The tail call is jumped around.',
    'bpf_arch_poke_desc_update(), arch/x86/net/bpf_jit_comp.c',
  ],
  'tail.empty': [
    'What is deleted is there.',
    '__fd_array_map_delete_elem(), kernel/bpf/arraymap.c',
  ],
  'allocation.shown': [
    'An image lies behind a header that says how much was taken, and INT3 fills the rest.',
    'bpf_jit_binary_pack_alloc(), kernel/bpf/core.c',
  ],
  'packs.shown': [
    'Images take the first chunks that are free, in the oldest pack that has enough of them.',
    'bpf_prog_pack_alloc(), kernel/bpf/core.c',
  ],
  'limit.range': [
    'The limit is at least a byte, and at most what the module area has.',
    'proc_dolongvec_minmax_bpf_restricted(), net/core/sysctl_net_core.c',
  ],
  'limit.set': [
    'From now on so much may be charged.',
    'bpf_jit_charge_modmem(), kernel/bpf/core.c',
  ],
  'update.jit-limit': [
    'Who has no CAP_BPF stays below the limit of executable memory.',
    'bpf_struct_ops_image_alloc(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'update.pages': [
    'The trampolines of a struct take at most eight pages; before Linux 6.9 one.',
    'bpf_struct_ops_prepare_trampoline(), kernel/bpf/bpf_struct_ops.c',
  ],
  'function.shown': [
    'A preamble stands in front of a function; where no address is taken, poison for ENDBR64.',
    'cfi_rewrite_preamble(), apply_seal_endbr(), arch/x86/kernel/alternative.c',
  ],
  'site.shown': [
    'A caller’s check is the 14 bytes in front of its branch.',
    'cfi_rewrite_callers(), arch/x86/kernel/alternative.c',
  ],
  'call.unchecked': [
    'A site without a check reaches its target.',
    'cfi_disable_callers(), arch/x86/kernel/alternative.c',
  ],
  'call.same-type': [
    'A target of the expected type is reached.',
    'handle_cfi_failure(), arch/x86/kernel/cfi.c',
  ],
  'call.reported': [
    'A failure that is not fatal is reported, and the call made.',
    'report_cfi_failure(), kernel/cfi.c',
  ],
  'call.type-mismatch': [
    'A target of another type is not reached.',
    'handle_cfi_failure(), arch/x86/kernel/cfi.c',
  ],
  'call.missing-endbr': ['A tracked branch ends on ENDBR64.', 'Intel SDM volume 1, 18.3.4'],
  'call.unmapped': [
    'What lies before the target can be read or fetched.',
    'Intel SDM volume 3, 6.15',
  ],
  'call.int3': [
    'Free space traps.',
    'bpf_jit_fill_hole_with_zero(), jit_fill_hole(), arch/x86/net/bpf_jit_comp.c',
  ],
  'call.null-dereference': [
    'A program reads through the pointers that it is given.',
    'bpf_struct_ops_test_run(), net/bpf/bpf_dummy_struct_ops.c',
  ],
  'call.runaway': [
    'A call comes to an end.',
    'This model, which stops after 10,000 instructions; a kernel would hang.',
  ],
  'poke.address': [
    'Only program text is patched.',
    'bpf_arch_text_poke(), arch/x86/net/bpf_jit_comp.c',
  ],
  'poke.range': ['A target is within 2 GiB.', 'emit_patch(), arch/x86/net/bpf_jit_comp.c'],
  'poke.unexpected': [
    'The site holds what the caller expects.',
    '__bpf_arch_text_poke(), arch/x86/net/bpf_jit_comp.c',
  ],
  'poke.unchanged': [
    'The site holds the new instruction already.',
    '__bpf_arch_text_poke(), arch/x86/net/bpf_jit_comp.c',
  ],
  'poke.patched': ['The site was patched.', '__bpf_arch_text_poke(), arch/x86/net/bpf_jit_comp.c'],
  'register.name': [
    'The name of the value type has less than 128 characters.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.stubs': [
    'A struct has stubs.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'register.struct': [
    'BTF has the struct.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.members': [
    'A struct has at most 64 members.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.value': [
    'BTF has the value type: a state, and the struct.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.anonymous': [
    'Every member has a name.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.bit-field': [
    'No member is a bit-field.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.module': [
    'BTF has struct module where a member points to one.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.prototype': [
    'A trampoline can pass the arguments, and take back what is returned.',
    'btf_distill_func_proto(), kernel/bpf/btf.c',
  ],
  'register.wide-return': [
    'A member returns at most 8 bytes.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'register.stub-symbol': [
    'The kernel’s symbols and BTF have the stub.',
    'prepare_arg_info(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'register.stub-arguments': [
    'A stub has as many parameters as its member.',
    'prepare_arg_info(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'register.nullable-type': [
    'A parameter that may be NULL is a pointer to a struct.',
    'prepare_arg_info(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'register.nullable-mismatch': [
    'A parameter that may be NULL has its member’s type.',
    'prepare_arg_info(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'register.done': [
    'The struct is registered.',
    'bpf_struct_ops_desc_init(), kernel/bpf/bpf_struct_ops.c',
  ],
  'create.attributes': [
    'The key has 4 bytes, there is one entry, and the flags are known.',
    'bpf_struct_ops_map_alloc_check(), kernel/bpf/bpf_struct_ops.c',
  ],
  'create.value-type': [
    'The value type is one of a registered struct.',
    'bpf_struct_ops_map_alloc(), kernel/bpf/bpf_struct_ops.c',
  ],
  'create.value-size': [
    'The value has the size of its type.',
    'bpf_struct_ops_map_alloc(), kernel/bpf/bpf_struct_ops.c',
  ],
  'create.btf': ['The descriptor of BTF is one.', 'map_create(), kernel/bpf/syscall.c'],
  'map.created': [
    'The map is there, in INIT.',
    'bpf_struct_ops_map_alloc(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.flags': [
    'An update has no flags.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.key': [
    'The only key is 0.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.padding': [
    'The holes of a value hold zeroes.',
    'check_zero_holes(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.state': [
    'A value comes with the state INIT and no references.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.busy': [
    'A map is updated in INIT only.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.owner': [
    'A value has no module pointer.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.unsupported-struct': [
    'The struct can be registered.',
    'bpf_dummy_init_member(), net/bpf/bpf_dummy_struct_ops.c',
  ],
  'update.name': [
    'An algorithm has a name of letters, digits, _ and dots.',
    'bpf_tcp_ca_init_member(), net/ipv4/bpf_tcp_ca.c',
  ],
  'update.data': [
    'What is no function pointer is zero.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.tcp-flags': [
    'Flags of an algorithm are known.',
    'bpf_tcp_ca_init_member(), net/ipv4/bpf_tcp_ca.c',
  ],
  'update.no-program': [
    'A function pointer is given as a program.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.bad-program': [
    'The descriptor is one of a program.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.wrong-program': [
    'The program implements this member of this struct.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.incomplete': [
    'An algorithm has ssthresh, undo_cwnd, and cong_avoid or cong_control.',
    'tcp_validate_congestion_control(), net/ipv4/tcp_cong.c',
  ],
  'update.duplicate': [
    'A name is registered once.',
    'tcp_register_congestion_control(), net/ipv4/tcp_cong.c',
  ],
  'update.registered': [
    'The struct is registered: INUSE.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'update.ready': [
    'The struct waits for a link: READY.',
    'bpf_struct_ops_map_update_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'lookup.shown': [
    'A lookup shows the state.',
    'bpf_struct_ops_map_sys_lookup_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'trampoline.shown': [
    'A registered member has a trampoline of its own.',
    'bpf_struct_ops_prepare_trampoline(), kernel/bpf/bpf_struct_ops.c',
  ],
  'delete.link': [
    'A map for links is not deleted from.',
    'bpf_struct_ops_map_delete_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'delete.nothing': [
    'There is something to delete.',
    'bpf_struct_ops_map_delete_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'delete.in-progress': [
    'It is not being deleted.',
    'bpf_struct_ops_map_delete_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'delete.unregistered': [
    'The struct is unregistered: TOBEFREE.',
    'bpf_struct_ops_map_delete_elem(), kernel/bpf/bpf_struct_ops.c',
  ],
  'link.not-ready': [
    'A link needs a map for links in READY.',
    'bpf_struct_ops_link_create(), kernel/bpf/bpf_struct_ops.c',
  ],
  'link.duplicate': [
    'A name is registered once.',
    'bpf_struct_ops_link_create(), kernel/bpf/bpf_struct_ops.c',
  ],
  'link.created': [
    'The struct is registered.',
    'bpf_struct_ops_link_create(), kernel/bpf/bpf_struct_ops.c',
  ],
  'link.closed': [
    'The struct is unregistered and can be linked again.',
    'bpf_struct_ops_map_link_dealloc(), kernel/bpf/bpf_struct_ops.c',
  ],
  'attach.prototype': [
    'A trampoline can pass the arguments, and take back what is returned.',
    'btf_distill_func_proto(), kernel/bpf/btf.c',
  ],
  'attach.sleepable': [
    'A program that may sleep is attached to a function in which it may.',
    'bpf_check_attach_target(), kernel/bpf/verifier.c',
  ],
  'attach.not-modifiable': [
    'An fmod_ret program is attached to a function that expects one.',
    'check_attach_modify_return(), kernel/bpf/verifier.c',
  ],
  'attach.context-bounds': [
    'A program reads the arguments of its function; behind the call also what it returned.',
    'btf_ctx_access(), kernel/bpf/btf.c',
  ],
  'attach.return-value': [
    'A program for fentry or fexit returns 0.',
    'check_return_code(), kernel/bpf/verifier.c',
  ],
  'attach.too-many': [
    'A function has at most 38 programs.',
    '__bpf_trampoline_link_prog(), kernel/bpf/trampoline.c',
  ],
  'attach.arguments': [
    'The arguments take at most 12 slots.',
    '__arch_prepare_bpf_trampoline(), arch/x86/net/bpf_jit_comp.c',
  ],
  'attach.done': [
    'The function calls a trampoline with the program in it.',
    'bpf_trampoline_update(), kernel/bpf/trampoline.c',
  ],
  'detach.done': [
    'The trampoline is made anew without the program.',
    'bpf_trampoline_unlink_prog(), kernel/bpf/trampoline.c',
  ],
  'tracer.shown': [
    'A traced function has a trampoline of its own.',
    'arch_prepare_bpf_trampoline(), arch/x86/net/bpf_jit_comp.c',
  ],
  'trace-run.unexpected-value': [
    'The functions for fentry and fexit return what they always do.',
    'bpf_prog_test_run_tracing(), net/bpf/test_run.c',
  ],
  'trace-run.functions': [
    'The kernel has called its functions for fentry and fexit.',
    'bpf_prog_test_run_tracing(), net/bpf/test_run.c',
  ],
  'trace-run.modified': [
    'The kernel has called its functions for fmod_ret.',
    'bpf_prog_test_run_tracing(), net/bpf/test_run.c',
  ],
  'test-run.argument-count': [
    'The context has one slot for each parameter.',
    'bpf_struct_ops_test_run(), net/bpf/bpf_dummy_struct_ops.c',
  ],
  'test-run.not-dummy': [
    'The program implements bpf_dummy_ops.',
    'bpf_prog_test_run(), kernel/bpf/syscall.c',
  ],
  'test-run.jit-limit': [
    'Who has no CAP_BPF stays below the limit of executable memory.',
    'bpf_struct_ops_image_alloc(), kernel/bpf/bpf_struct_ops.c, Linux 6.9',
  ],
  'test-run.null': [
    'Only a parameter that may be NULL is.',
    'check_test_run_args(), net/bpf/bpf_dummy_struct_ops.c, Linux 6.11',
  ],
} as const;

/** The id of a rule. */
export type RuleName = keyof typeof TABLE;

/** Every rule that can decide an outcome. */
export const RULES: readonly Rule[] = Object.entries(TABLE).map(([id, [sentence, origin]]) => ({
  id,
  sentence,
  origin,
}));
