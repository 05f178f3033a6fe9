// SPDX-License-Identifier: MIT
import { decode, DecodeError, type Decoder } from '@kernel-models/model-core';
import { hexBytes, isoTime, member, optionalList } from './read-json.ts';
import { TCB_STATUSES, type TcbStatus } from './tcb-status.ts';

/** A TCB level of a platform. */
export interface TcbLevel {
  /** SVNs of the 16 components of the SGX TCB. */
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  /** SVNs of the 16 components of the TDX TCB; empty in a TCB info for SGX. */
  readonly tdx: readonly number[];
  readonly status: TcbStatus;
  readonly advisories: readonly string[];
}

/** A TCB level of an enclave or a TDX module. */
export interface IsvLevel {
  readonly isvSvn: number;
  readonly status: TcbStatus;
  readonly advisories: readonly string[];
}

/** Who may have signed a TDX module. */
export interface ModuleSigner {
  readonly mrSigner: Uint8Array;
  /** 8 bytes each. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
}

/** The identity of TDX modules of one major version. */
export interface ModuleIdentity extends ModuleSigner {
  /** `TDX_01`. */
  readonly id: string;
  readonly levels: readonly IsvLevel[];
}

/** The `tcbInfo` of the provisioning certification service, version 3. */
export interface TcbInfo {
  readonly id: 'SGX' | 'TDX';
  readonly version: number;
  /** Seconds since 1970. */
  readonly issueDate: number;
  readonly nextUpdate: number;
  readonly fmspc: Uint8Array;
  readonly pceId: Uint8Array;
  /** Module of version 0; TDX alone. */
  readonly tdxModule: ModuleSigner | undefined;
  readonly moduleIdentities: readonly ModuleIdentity[];
  /** As they stand in the text. */
  readonly levels: readonly TcbLevel[];
  /** From the newest down. */
  readonly newestFirst: readonly TcbLevel[];
}

const svn = decode.integer(0, 255);
const u16 = decode.integer(0, 0xffff);
const status = decode.oneOf(TCB_STATUSES);
const advisories = optionalList(decode.string);

const components: Decoder<readonly number[]> = (json, field) => {
  const list = decode.array((item, at) => member(item, 'svn', at, svn))(json, field);
  if (list.length !== 16) throw new DecodeError(field, '16 components', list.length);
  return list;
};

const level: Decoder<TcbLevel> = (json, field) =>
  member(json, 'tcb', field, (tcb, at) => ({
    sgx: member(tcb, 'sgxtcbcomponents', at, components),
    pceSvn: member(tcb, 'pcesvn', at, u16),
    tdx: member(tcb, 'tdxtcbcomponents', at, (list, place) =>
      list === undefined ? [] : components(list, place),
    ),
    status: member(json, 'tcbStatus', field, status),
    advisories: member(json, 'advisoryIDs', field, advisories),
  }));

/** A level by the SVN of what it is about. */
export const isvLevel: Decoder<IsvLevel> = (json, field) => ({
  isvSvn: member(json, 'tcb', field, (tcb, at) => member(tcb, 'isvsvn', at, u16)),
  status: member(json, 'tcbStatus', field, status),
  advisories: member(json, 'advisoryIDs', field, advisories),
});

const signer: Decoder<ModuleSigner> = (json, field) => ({
  mrSigner: member(json, 'mrsigner', field, hexBytes(48)),
  attributes: member(json, 'attributes', field, hexBytes(8)),
  attributesMask: member(json, 'attributesMask', field, hexBytes(8)),
});

const moduleIdentity: Decoder<ModuleIdentity> = (json, field) => ({
  ...signer(json, field),
  id: member(json, 'id', field, decode.string),
  levels: member(json, 'tcbLevels', field, decode.array(isvLevel)),
});

/** Levels from the newest down: by SGX components, then PCESVN, then TDX components. */
function newestFirst(levels: readonly TcbLevel[]): readonly TcbLevel[] {
  const rank = ({ sgx, pceSvn, tdx }: TcbLevel): readonly number[] => [...sgx, pceSvn, ...tdx];
  return [...levels].sort((a, b) => {
    const right = rank(b);
    const left = rank(a);
    const index = left.findIndex((value, place) => value !== right[place]);
    return index < 0 ? 0 : (right[index] ?? 0) - (left[index] ?? 0);
  });
}

const levels = decode.array(level);

/** Reads a TCB info. */
export const tcbInfo: Decoder<TcbInfo> = (json, field) => ({
  id: member(json, 'id', field, decode.oneOf(['SGX', 'TDX'])),
  version: member(json, 'version', field, decode.integer(3, 1000)),
  issueDate: member(json, 'issueDate', field, isoTime),
  nextUpdate: member(json, 'nextUpdate', field, isoTime),
  fmspc: member(json, 'fmspc', field, hexBytes(6)),
  pceId: member(json, 'pceId', field, hexBytes(2)),
  tdxModule: member(json, 'tdxModule', field, (one, at) =>
    one === undefined ? undefined : signer(one, at),
  ),
  moduleIdentities: member(json, 'tdxModuleIdentities', field, optionalList(moduleIdentity)),
  levels: member(json, 'tcbLevels', field, levels),
  newestFirst: newestFirst(member(json, 'tcbLevels', field, levels)),
});
