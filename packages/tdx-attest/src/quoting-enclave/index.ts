// SPDX-License-Identifier: MIT
export {
  createQuotingEnclave,
  type QuoteResult,
  type QuotingEnclave,
  type TdQuoteFormat,
} from './quoting-enclave.ts';
