// SPDX-License-Identifier: MIT
import { areEqual } from '../bytes.ts';
import type { TdBody } from '../quote/index.ts';
import type { PckExtension } from '../x509/pck-extension.ts';
import { areMaskedEqual, levelOf } from './qe-identity.ts';
import { bad, good, type Checked } from './reasons.ts';
import { type IsvLevel, type ModuleIdentity, type TcbInfo, type TcbLevel } from './tcb-info.ts';
import type { Variant } from './variant.ts';

/* Which level a platform and its TDX module have. Origin: Intel TDX DCAP Quote Verification Library. */

/** A module of version 0 has no levels: the components of the platform judge it. */
const UNJUDGED: IsvLevel = Object.freeze({ isvSvn: 0, status: 'UpToDate', advisories: [] });

/** The identity of a module by its major version, TEE_TCB_SVN[1]. */
function identityOf({ moduleIdentities }: TcbInfo, major: number): ModuleIdentity | undefined {
  const id = `TDX_${major.toString(16).padStart(2, '0')}`.toUpperCase();
  return moduleIdentities.find((identity) => identity.id.toUpperCase() === id);
}

/** Whether the TDX module is a known one, and its level. */
export function moduleLevel(body: TdBody, info: TcbInfo): Checked<IsvLevel> {
  const [svn = 0, major = 0] = body.teeTcbSvn;
  const identity = major > 0 ? identityOf(info, major) : undefined;
  const signer = major > 0 ? identity : info.tdxModule;
  if (signer === undefined)
    return bad('tdx-module-mismatch', `no identity of module version ${major}`);
  if (!areEqual(body.mrSignerSeam, signer.mrSigner)) {
    return bad('tdx-module-mismatch', 'MRSIGNERSEAM');
  }
  const attributes = body.bytes.subarray(112, 120);
  if (
    !areMaskedEqual(attributes, signer.attributes, signer.attributesMask) ||
    body.seamAttributes !== 0n
  ) {
    return bad('tdx-module-mismatch', 'SEAMATTRIBUTES');
  }
  if (identity === undefined) return good(UNJUDGED);
  const level = levelOf(identity.levels, svn);
  return level === undefined
    ? bad('tcb-not-supported', `module SVN ${svn} is below every level`)
    : good(level);
}

/** The platform's level: the newest that all of its SVNs reach. */
export function platformLevel(
  info: TcbInfo,
  pck: PckExtension,
  body: TdBody | undefined,
  variant: Variant,
): Checked<TcbLevel> {
  const levels = variant.trustsLevelOrder ? info.levels : info.newestFirst;
  const fits = variant.comparesAnyComponent ? reachesAny : reachesAll;
  const level = levels.find(
    ({ sgx, pceSvn, tdx }) =>
      fits(pck.components, sgx, 0) &&
      pck.pceSvn >= pceSvn &&
      (body === undefined ||
        (tdx.length > 0 &&
          fits([...body.teeTcbSvn], tdx, firstComponent(body.teeTcbSvn, variant)))),
  );
  return level === undefined
    ? bad('tcb-not-supported', 'the platform is below every level')
    : good(level);
}

/** The components of the module itself are judged by its identity, where there is one. */
function firstComponent([, major = 0]: Uint8Array, { comparesModuleSvn }: Variant): 0 | 2 {
  return major > 0 && !comparesModuleSvn ? 2 : 0;
}

function reachesAll(svns: readonly number[], level: readonly number[], from: number): boolean {
  return level.every((svn, index) => index < from || (svns[index] ?? 0) >= svn);
}

function reachesAny(svns: readonly number[], level: readonly number[], from: number): boolean {
  return level.some((svn, index) => index >= from && (svns[index] ?? 0) >= svn);
}

/**
 * Whether a TD whose module is out of date would be up to date after a new start: the module that
 * runs since a TD-preserving update reaches the newest level.
 */
export function wouldRelaunchHelp(body: TdBody, info: TcbInfo, variant: Variant): boolean {
  const { teeTcbSvn2 } = body;
  const [newest] = info.newestFirst;
  if (teeTcbSvn2 === undefined || newest === undefined) return false;
  const [svn = 0, major = 0] = teeTcbSvn2;
  const newestModule = identityOf(info, major)?.levels.reduce((a, b) =>
    b.isvSvn > a.isvSvn ? b : a,
  );
  if (newestModule === undefined || svn < newestModule.isvSvn) return false;
  return reachesAll([...teeTcbSvn2], newest.tdx, firstComponent(teeTcbSvn2, variant));
}
