// SPDX-License-Identifier: MIT
export { quoteCommand } from './commands.ts';
export { driverPart, handshakePart, importGuestTrace, type ForeignFacts } from './import.ts';
export { nodeSignatureBackend } from './node-signature-backend.ts';
export {
  tdxDriverSubsystem,
  tdxGetQuoteSubsystem,
  tdxTsmSubsystem,
  tdxVerifierSubsystem,
} from './subsystems.ts';
