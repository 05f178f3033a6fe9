// SPDX-License-Identifier: MIT

/* Pieces of code, in hexadecimal digits, and what they are made of. */

export const ENDBR64 = 'f30f1efa';
/** JMP and CALL through RAX, to TARGET. */
export const JMP = 'ffe0';
export const CALL = 'ffd0';
export const NO_TRACK_JMP = '3effe0';
export const NOP = '90';
export const UD2 = '0f0b';
export const IRETQ = '48cf';
export const INT_20 = 'cd20';
/** Far JMP and CALL through the pointers at RBX: to TARGET, or the handler by the gate. */
export const FAR = {
  JMP_KERNEL: '48ff6b10',
  JMP_USER: '48ff6b20',
  JMP_CONFORMING: '48ff6b40',
  JMP_NULL: '48ff6b50',
  CALL_KERNEL: '48ff5b10',
  CALL_USER: '48ff5b20',
  CALL_GATE: '48ff5b30',
  CALL_NULL: '48ff5b50',
} as const;
/** Pushes of a frame whose code is TARGET, then the return. */
export const IRET_TO = {
  USER: '6a3368005102006a026a3b680010020048cf',
  KERNEL: '6a1068005102006a026a18680010020048cf',
};
export const RETF_TO = { USER: '6a3368005102006a3b680010020048cb', KERNEL: '6a18680010020048cb' };
/** IRETQ to SECOND in place of what was interrupted; there is an error code on the stack. */
export const TO_SECOND = '48c7442408002002004883c40848cf';
/** Sixteen bytes. */
export const TOO_LONG: string = '66'.repeat(15) + NOP;
/** Clears the saved TF. */
export const END_STEPPING = '81642410fffeffff';
