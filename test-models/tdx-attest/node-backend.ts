// SPDX-License-Identifier: MIT
export { nodeSignatureBackend } from '../../packages/oracle/src/tdx-attest/node-signature-backend.ts';
