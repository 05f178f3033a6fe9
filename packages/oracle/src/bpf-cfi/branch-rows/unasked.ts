// SPDX-License-Identifier: MIT
import type { UnaskedRow } from './row.ts';

/** Rules that nothing was asked about, and why. */
export const UNASKED_ROWS: readonly UnaskedRow[] = [
  {
    id: 'far.compatibility-mode',
    sentence: 'In compatibility mode ENDBR32 is the landing, and far direct branches are tracked.',
    reason: 'the model executes 64-bit mode alone: code in a 32-bit segment is `unsupported`',
  },
  {
    id: 'missing.shadow-stack-errors',
    sentence:
      '#CP has error codes 1, 2, 4 and 5 for returns and tokens that a shadow stack refuses.',
    reason: 'the model has no shadow stacks: with SH_STK_EN calls and returns are `unsupported`',
  },
  {
    id: 'missing.enclave',
    sentence: 'Bit 15 of the error code of #CP says that it came from an enclave.',
    reason: 'Bochs 2.7 has no enclaves',
  },
  {
    id: 'handler.fred',
    sentence: 'FRED saves the tracker in the frame and returns it.',
    reason: 'Bochs 2.7 has no FRED',
  },
  {
    id: 'handler.triple-fault',
    sentence: 'A #CP that ends in a shutdown waits for nothing any more.',
    reason: 'Bochs stops, and the cases behind with it',
  },
  {
    id: 'msr.features',
    sentence: 'WRMSR of a bit whose feature CPUID does not report is #GP(0).',
    reason: 'the one CPU of Bochs 2.7 with indirect branch tracking has shadow stacks, too',
  },
  {
    id: 'cr4.write-protect',
    sentence: 'CR4.CET needs CR0.WP, and keeps it.',
    reason: 'asked as a transition of control registers: recordings of hw-model.cpu',
  },
  {
    id: 'vmx.tracker',
    sentence: 'VM entry and exit load and save IA32_S_CET with its tracker.',
    reason: 'a VMCS has no CET fields in hw-model.cpu, and the emulator’s CPU runs no guest here',
  },
];
