// SPDX-License-Identifier: MIT
export { nodeSignatureBackend } from '@kernel-models/oracle';
