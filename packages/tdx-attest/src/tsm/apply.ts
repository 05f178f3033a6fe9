// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { featuresOf, type Features } from '../revisions.ts';
import { applyDriver, load } from './driver-layer.ts';
import { actAsHost } from './host.ts';
import { close, open, write } from './inblob.ts';
import { EMPTY_BLOB, mkdir, readOutblob, rmdir, writeInblob } from './item.ts';
import type { FileOperation, TsmOperation } from './operation.ts';
import { readCall, signal, tick, withFile } from './outblob.ts';
import type { TsmState } from './state.ts';
import { step, type TsmStep } from './step.ts';
import { isText, readGeneration, readProvider, readText, rewind } from './text-file.ts';

/**
 * The transition function of the report items.
 *
 * @throws RangeError where the revision is unknown
 */
export function apply(state: TsmState, operation: TsmOperation, revision: RevisionId): TsmStep {
  const features = featuresOf(revision);
  switch (operation.op) {
    case 'load':
      return load(state, operation, revision);
    case 'unload':
    case 'bind':
    case 'unbind':
    case 'ioctl':
    case 'device-call':
    case 'set-tdcall-status':
      return applyDriver(state, operation, revision);
    case 'mkdir':
      return mkdir(state, operation);
    case 'rmdir':
      return rmdir(state, operation);
    case 'write-inblob':
      return writeInblob(state, operation, features);
    case 'read-outblob':
      return readOutblob(state, operation, features);
    case 'read-generation':
      return readGeneration(state, operation);
    case 'read-provider':
      return readProvider(state, operation);
    case 'set-host':
    case 'host-completes':
    case 'host-writes':
    case 'pass-time':
      return actAsHost(state, operation, features);
    default:
      return applyToFile(state, operation, features);
  }
}

function applyToFile(state: TsmState, operation: FileOperation, features: Features): TsmStep {
  switch (operation.op) {
    case 'open':
      return open(state, operation);
    case 'write':
      return write(state, operation, features);
    case 'read': {
      const file = state.files[operation.fd];
      if (isText(file)) return readText(state, file, operation);
      return readOutblobFile(state, operation, features);
    }
    case 'lseek':
      return rewind(state, operation.fd);
    case 'close':
      return close(state, operation.fd, features);
    case 'read-size':
      return readCall(state, operation.fd, 'size', features);
    case 'read-data':
      return readCall(state, operation.fd, 'data', features);
    case 'tick':
      return tick(state, features);
    case 'signal':
      return signal(state);
  }
}

/**
 * read(2) of an outblob that {@link readCall} has filled, or fills with a host that answers at
 * once.
 */
function readOutblobFile(
  state: TsmState,
  { fd, size }: Extract<FileOperation, { readonly op: 'read' }>,
  features: Features,
): TsmStep {
  const sized = readCall(state, fd, 'size', features);
  if (sized.outcome.kind !== 'size') return sized;
  const { cost } = sized.outcome;
  // An empty outblob is the end of the file, and the next read asks again.
  if (sized.outcome.size === 0) {
    const empty = { ...EMPTY_BLOB, ...(cost && { cost }) };
    return { ...sized, outcome: empty };
  }
  const filled = readCall(sized.state, fd, 'data', features);
  const file = filled.state.files[fd];
  if (file === undefined || filled.outcome.kind !== 'blob') return filled;
  const { bytes = new Uint8Array() } = filled.outcome;
  const end = Math.min(file.position + size, filled.outcome.size);
  const part = bytes.slice(file.position, end);
  const read = withFile(filled.state, fd, { ...file, position: end });
  return step(
    read,
    {
      kind: 'blob',
      size: end - file.position,
      head: part.slice(0, 16),
      bytes: part,
      ...(cost && { cost }),
    },
    'read.snapshot',
    sized.trail,
  );
}
