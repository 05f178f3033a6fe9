// SPDX-License-Identifier: MIT
import { word32 } from '../bytes.ts';
import { CALLS } from '../kernel-text.ts';
import { hashPosition, type Arity, type Scheme } from '../preamble.ts';
import { prototype } from '../prototypes.ts';
import type { StructMember, StructName } from '../struct-types.ts';
import { functionText } from './function-call.ts';

/* Stubs: functions of C that nobody calls; they lend a trampoline what stands in front of them. */

/** cfi_get_func_hash() of a stub: 4 bytes in front of it, or 0 where they cannot be read. */
export function stubHash(scheme: Scheme, stub: string | undefined): number {
  const { setup, boot, features } = scheme;
  if (!setup.cfi || boot.mode === 'OFF' || stub === undefined) return 0;
  const callee = { prototype: stub, addressTaken: !features.sealsStubs };
  const { text, entry } = functionText(scheme, callee, 0);
  const bytes = Uint8Array.from(text.bytes);
  const at = Number(entry - text.address) + hashPosition(scheme);
  // What lies in front of the preamble is another function's padding.
  return word32(bytes, at) ?? 0xcccc_cccc;
}

/**
 * cfi_get_func_arity() of a stub: 0 but with FineIBT and BHI, where the preamble calls the thunk of
 * its arity. arch/x86/kernel/alternative.c, Linux 6.15; what it decodes without the guard has no
 * meaning.
 */
export function stubArity(scheme: Scheme, stub: string | undefined): number {
  const { boot, features } = scheme;
  if (boot.mode !== 'FINEIBT' || features.layout === 'linux-6.2' || stub === undefined) return 0;
  if (boot.bhi) return prototype(stub).arity;
  return features.arityGuard === 'or' ? 0 : thunkIndexBefore(scheme, stub);
}

/** The four bytes before a function, taken for the distance of a call to an arity thunk. */
function thunkIndexBefore(scheme: Scheme, stub: string): number {
  const callee = { prototype: stub, addressTaken: true };
  const { text, entry } = functionText(scheme, callee, 0);
  const bytes = Uint8Array.from(text.bytes);
  const distance = word32(bytes, Number(entry - text.address) - 4) ?? 0;
  return Number((entry + BigInt(distance | 0) - CALLS.arity) / 32n);
}

/** The arity that a trampoline's preamble is emitted with: nobody uses it where there is no BHI. */
export function preambleArity(scheme: Scheme, stub: string | undefined): Arity {
  return scheme.boot.bhi && !scheme.boot.failed && stub !== undefined && stubArity(scheme, stub) > 0
    ? prototype(stub).arity
    : 0;
}

/** The stub that a trampoline takes its hash from. */
export function stubOf(
  scheme: Scheme,
  struct: StructName,
  member: StructMember,
  testRun: boolean,
): string | undefined {
  const { features } = scheme;
  if (features.dummyStub === 'none') return undefined;
  if (!testRun || struct !== 'bpf_dummy_ops' || features.dummyStub === 'member') return member.stub;
  return features.dummyStub === 'variadic'
    ? 'int bpf_dummy_test_stub(struct bpf_dummy_ops_state *, ...)'
    : undefined;
}
