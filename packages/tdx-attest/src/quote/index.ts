// SPDX-License-Identifier: MIT
export { EnclaveReport, TdBody } from './body.ts';
export * from './layout.ts';
export {
  parseFixedPart,
  parseQuote,
  type FixedPart,
  type ParseReason,
  type ParseResult,
  type ParseVariant,
} from './parse.ts';
export { Quote, type QuoteShape } from './quote.ts';
export {
  authDataOf,
  serialiseQuote,
  signedRange,
  type AuthData,
  type QuoteContent,
} from './serialise.ts';
