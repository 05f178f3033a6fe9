// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

const GHCI = 'Guest-Host-Communication Interface for Intel TDX, TDG.VP.VMCALL<GetQuote>';
const DRIVER = 'tdx_report_new(), tdx-guest.c, Linux 6.7 to 7.0';

const rule = (id: string, sentence: string, origin: string): Rule => ({ id, sentence, origin });

/** Every rule of the handshake. */
export const GETQUOTE_RULES: readonly Rule[] = [
  rule('guest.in-flight', 'While the host owns the buffer there is no new request.', DRIVER),
  rule('guest.filled', 'The guest writes version, lengths and its TDREPORT.', GHCI),
  rule('guest.hypercall', 'The host accepts the request and owns the buffer.', GHCI),
  rule('guest.waiting', 'The status says that the request is under way.', DRIVER),
  rule('guest.timeout', 'The wait is over without an answer, as the driver counts.', DRIVER),
  rule('guest.answered', 'The status says that the request has ended, or the count does.', DRIVER),
  rule('guest.interrupted', 'A signal ends the wait.', DRIVER),
  rule('guest.status', 'A request that did not end in success has no quote.', DRIVER),
  rule('guest.length-read', 'out_len is read.', DRIVER),
  rule('guest.length', 'out_len lies within the buffer.', DRIVER),
  rule('guest.length-checked', 'The length to copy is settled.', DRIVER),
  rule('guest.first-half', 'The first half is copied.', DRIVER),
  rule('guest.handed-out', 'The copy is handed out.', DRIVER),
  rule('guest.not-its-turn', 'The guest has no such access to make now.', 'This model'),
  rule('vector.invalid', 'A vector lies between 32 and 255.', 'GHCI, SetupEventNotifyInterrupt'),
  rule('vector.set', 'The host will raise this vector.', 'GHCI, SetupEventNotifyInterrupt'),
  rule('interrupt.taken', 'The handler runs; it looks at nothing itself.', 'GHCI, GetQuote'),
  rule('host.answer', 'The host writes data, out_len and status, and raises the vector.', GHCI),
  rule('host.moves', 'Shared memory is the host’s to write at any time.', GHCI),
  rule('host.keeps-contract', 'An honest host does not do that.', GHCI),
];
