// SPDX-License-Identifier: MIT
export {
  nobleBackend,
  type SignatureBackend,
  type VerifyingKey,
} from './crypto/signature-backend.ts';
export { signingKeyOf, type SigningKey } from './crypto/signing-key.ts';
export * as driver from './driver/index.ts';
export * as getquote from './getquote/index.ts';
export * as keyServer from './key-server/index.ts';
export * as measurement from './measurement/index.ts';
export * as qgs from './qgs/index.ts';
export * as quote from './quote/index.ts';
export * as quotingEnclave from './quoting-enclave/index.ts';
export {
  featuresOf,
  REVISIONS,
  TDX_CMD_GET_REPORT0,
  TDX_CMD_GET_TDREPORT,
  type Features,
} from './revisions.ts';
export * as testPki from './test-pki/index.ts';
export * as tsm from './tsm/index.ts';
export * as verify from './verify/index.ts';
export { decodePem, encodePem } from './x509/pem.ts';
