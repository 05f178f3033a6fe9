// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto';
import { quote, type testPki, type verify } from '@kernel-models/tdx-attest';
import { signingKeyOf, type SigningKey } from '../../packages/tdx-attest/src/crypto/signing-key.ts';
import { certificate, revocationList } from '../../packages/tdx-attest/src/test-pki/der.ts';
import { pckExtension } from '../../packages/tdx-attest/src/test-pki/pck-extension.ts';
import { DAY, type CertificateFacts, type Evidence, type ListFacts } from './evidence.ts';
import { NOW } from './issued.ts';

/* The bytes of a described quote, its collateral and what is wanted of it. */

const KEYS = {
  root: signingKeyOf('evidence: root'),
  ca: signingKeyOf('evidence: platform CA'),
  signer: signingKeyOf('evidence: signer of documents'),
  pck: signingKeyOf('evidence: PCK'),
  attestation: signingKeyOf('evidence: attestation'),
  stranger: signingKeyOf('evidence: stranger'),
};
const ROOT = 'TEST SGX Root CA';
const NAMES = {
  ca: 'TEST SGX PCK Platform CA',
  pck: 'TEST SGX PCK Certificate',
  signer: 'TEST SGX TCB Signing',
};
const QE_SIGNER = new Uint8Array(32).fill(0xe1);
const AUTH_DATA = Uint8Array.from({ length: 32 }, (_, index) => index);
const FMSPC = Uint8Array.of(1, 2, 3, 4, 5, 6);
const PCE_ID = Uint8Array.of(7, 8);
/** MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR0 to RTMR3: no two alike. */
const MEASUREMENTS = Array.from({ length: 8 }, (_, index) => new Uint8Array(48).fill(0x40 + index));
const REPORT_DATA = Uint8Array.from({ length: 64 }, (_, index) => index);

const isoOf = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
const fromOf = (days: number): string => isoOf(NOW - days * DAY);
const toOf = (days: number): string => isoOf(NOW + days * DAY);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.with(at, (bytes[at] ?? 0) ^ 0x80);

/** The DER of the root that the verifier is to trust. */
export const TRUSTED_ROOT: Uint8Array = rootNamed(ROOT, KEYS.root);

function rootNamed(name: string, key: SigningKey, by: SigningKey = key): Uint8Array {
  const [from, to] = ['2020-01-01T00:00:00Z', '2049-12-31T23:59:59Z'];
  const publicKey = key.point;
  return certificate(
    { subject: name, issuer: name, serial: 1, from, to, publicKey, isCa: true },
    by,
  );
}

/** Most certificates and lists come again and again: each is signed once. */
const issuedBefore = new Map<string, Uint8Array>();

function once(id: unknown, make: () => Uint8Array): Uint8Array {
  const key = JSON.stringify(id);
  const known = issuedBefore.get(key) ?? make();
  issuedBefore.set(key, known);
  return known;
}

function issue(
  facts: CertificateFacts,
  {
    name,
    serial,
    key,
  }: { readonly name: string; readonly serial: number; readonly key: SigningKey },
  by: { readonly name: string; readonly key: SigningKey },
  platform?: testPki.TestPlatform,
): Uint8Array {
  const spec = {
    subject: facts.isNamed ? name : 'TEST of another name',
    issuer: facts.namesIssuer ? by.name : `${by.name} of another name`,
    serial,
    from: fromOf(facts.window.from),
    to: toOf(facts.window.to),
    publicKey: key.point,
    isCa: facts.isCa,
    keyUsage: facts.usage,
    ...(platform && { sgxExtensions: pckExtension(platform) }),
  };
  const signedBy = facts.isSigned ? by.key : KEYS.stranger;
  return once([spec, signedBy.point], () => certificate(spec, signedBy));
}

function pemOf(certificates: readonly Uint8Array[]): string {
  return certificates
    .map((der) => {
      const lines =
        Buffer.from(der)
          .toString('base64')
          .match(/.{1,64}/g) ?? [];
      return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
    })
    .join('');
}

function listOf(facts: ListFacts, name: string, key: SigningKey): Uint8Array {
  const { namesIssuer, isSigned, window, revoked } = facts;
  const issuer = namesIssuer ? name : `${name} of another name`;
  const spec = { issuer, from: fromOf(window.from), to: toOf(window.to), revoked };
  const signedBy = isSigned ? key : KEYS.stranger;
  return once([spec, signedBy.point], () => revocationList(spec, signedBy));
}

/** What a verifier is given. */
export interface Issued {
  readonly quote: Uint8Array;
  readonly collateral: verify.Collateral;
  readonly time: number;
  readonly policy: verify.Policy;
}

/** Makes the bytes. */
export function issueEvidence(evidence: Evidence): Issued {
  const { chain, platform, quote: facts } = evidence;
  const rootKey = chain.root === 'foreign' ? KEYS.stranger : KEYS.root;
  const rootName = chain.root === 'renamed' ? `${ROOT} 2` : ROOT;
  const root = { name: rootName, key: rootKey };
  const rootSigner = chain.root === 'damaged' ? KEYS.stranger : rootKey;
  const rootDer = once(['root', chain.root], () => rootNamed(rootName, rootKey, rootSigner));
  const ca = issue(chain.ca, { name: NAMES.ca, serial: 2, key: KEYS.ca }, root);
  const caName = chain.ca.isNamed ? NAMES.ca : 'TEST of another name';
  const pck = issue(
    chain.pck,
    { name: NAMES.pck, serial: 4, key: KEYS.pck },
    { name: caName, key: KEYS.ca },
    {
      components: platform.components,
      pceSvn: platform.pceSvn,
      fmspc: FMSPC,
      pceId: PCE_ID,
      ppid: new Uint8Array(16),
    },
  );
  const signer = issue(chain.signer, { name: NAMES.signer, serial: 3, key: KEYS.signer }, root);
  const documentsChain = pemOf([signer, rootDer, rootDer].slice(0, chain.documentsLength));
  const pckChain = pemOf([pck, ca, rootDer, rootDer].slice(0, chain.length));
  const beside = { none: undefined, whole: pckChain, cut: pemOf([pck]) }[chain.ofCollateral];
  const tcbInfo = tcbInfoText(evidence);
  const qeIdentity = qeIdentityText(evidence);
  const isTd = facts.format !== 'v3';
  return {
    quote: quoteBytes(evidence, pckChain),
    time: NOW + evidence.time,
    policy: policyOf(evidence, isTd),
    collateral: {
      ...(beside !== undefined && { pckCertificateChain: beside }),
      rootCaCrl: listOf(evidence.rootList, rootName, rootKey),
      pckCrl: listOf(evidence.pckList, caName, KEYS.ca),
      tcbInfoIssuerChain: documentsChain,
      tcbInfo: shownText(tcbInfo, 'tcbInfo', evidence.tcbInfo.isWrapped),
      tcbInfoSignature: signatureOf(tcbInfo, evidence.tcbInfo.isSigned),
      qeIdentityIssuerChain: documentsChain,
      qeIdentity: shownText(qeIdentity, 'enclaveIdentity', evidence.qeIdentity.isWrapped),
      qeIdentitySignature: signatureOf(qeIdentity, evidence.qeIdentity.isSigned),
    },
  };
}

function shownText(text: string, name: string, isWrapped: boolean): string {
  return isWrapped ? `{ "signature": "}", "${name}" : ${text} , "more": [1]}` : text;
}

function signatureOf(text: string, isSigned: boolean): Uint8Array {
  return signed(isSigned ? KEYS.signer : KEYS.stranger, new TextEncoder().encode(text));
}

function signed(by: SigningKey, bytes: Uint8Array): Uint8Array {
  return once([hex(bytes), hex(by.point)], () => by.sign(bytes));
}

const tcb = (svns: readonly number[]): object[] => svns.map((svn) => ({ svn }));
const isvLevel = ({ isvSvn, status }: { isvSvn: number; status: string }): object => ({
  tcb: { isvsvn: isvSvn },
  tcbStatus: status,
  advisoryIDs: [`TEST-ISV-${isvSvn}`],
});

function tcbInfoText({ tcbInfo, platform, quote: { format } }: Evidence): string {
  const { module, module1, module10 } = tcbInfo;
  const isTdx = (format !== 'v3') === tcbInfo.isOfTee;
  const by = ({ mrSigner, attributes, mask }: typeof module): object => ({
    mrsigner: hex(new Uint8Array(48).fill(mrSigner)),
    attributes: hex(new Uint8Array(8).with(0, attributes)),
    attributesMask: hex(new Uint8Array(8).fill(0xff).with(0, mask)),
  });
  const identity = (id: string, one: typeof module1): object => ({
    id,
    ...by(one),
    tcbLevels: one.levels.map(isvLevel),
  });
  const document = {
    id: isTdx ? 'TDX' : 'SGX',
    version: tcbInfo.isRecent ? 3 : 2,
    issueDate: fromOf(tcbInfo.window.from),
    nextUpdate: toOf(tcbInfo.window.to),
    fmspc: hex(platform.isOfFmspc ? FMSPC : flipped(FMSPC, 5)).toUpperCase(),
    pceId: hex(platform.isOfPce ? PCE_ID : flipped(PCE_ID, 1)),
    ...(isTdx && {
      tdxModule: by(module),
      tdxModuleIdentities: [identity('TDX_01', module1), identity('tdx_0a', module10)],
    }),
    tcbLevels: tcbInfo.levels.map(({ sgx, pceSvn, tdx, status }, index) => ({
      tcb: {
        sgxtcbcomponents: tcb(sgx),
        pcesvn: pceSvn,
        ...(isTdx && { tdxtcbcomponents: tcb(tdx) }),
      },
      tcbStatus: status,
      advisoryIDs: ['TEST-ALL', `TEST-LEVEL-${index}`],
    })),
  };
  return JSON.stringify(document, null, tcbInfo.isSpaced ? 1 : undefined);
}

function qeIdentityText({ qeIdentity, quote: { format } }: Evidence): string {
  const isTdx = (format !== 'v3') === qeIdentity.isOfTee;
  const { miscSelect, miscMask, attributes, attributesMask, window } = qeIdentity;
  const document = {
    id: isTdx ? 'TD_QE' : 'QE',
    version: qeIdentity.isRecent ? 2 : 1,
    issueDate: fromOf(window.from),
    nextUpdate: toOf(window.to),
    miscselect: hex(Uint8Array.of(miscSelect, 0, 0, 0)),
    miscselectMask: hex(Uint8Array.of(miscMask, 0xff, 0xff, 0xff)),
    attributes: hex(new Uint8Array(16).with(0, attributes)),
    attributesMask: hex(new Uint8Array(16).with(0, attributesMask)),
    mrsigner: hex(QE_SIGNER),
    isvprodid: 2,
    tcbLevels: qeIdentity.levels.map(isvLevel),
  };
  return JSON.stringify(document, null, qeIdentity.isSpaced ? 1 : undefined);
}

function quoteBytes(evidence: Evidence, pckChain: string): Uint8Array {
  const { quote: facts, qe } = evidence;
  const isTd = facts.format !== 'v3';
  const version = facts.format === 'v3' ? 3 : facts.format === 'v4' ? 4 : 5;
  const range = quote.signedRange({
    version,
    teeType: isTd ? 'tdx' : 'sgx',
    body: isTd ? tdBody(facts) : enclaveBody(facts),
    attestationKeyType: facts.keyType,
    ...(!facts.isIntels && { qeVendorId: new Uint8Array(16) }),
  });
  const bound = new Uint8Array(64);
  bound.set(createHash('sha256').update(KEYS.attestation.point).update(AUTH_DATA).digest());
  const qeReport = new Uint8Array(384);
  qeReport[16] = qe.miscSelect;
  qeReport[48] = qe.attributes;
  qeReport.set(qe.isIntels ? QE_SIGNER : flipped(QE_SIGNER, 31), 128);
  qeReport[256] = qe.isProduct ? 2 : 1;
  qeReport[258] = qe.isvSvn;
  qeReport.set(qe.wrongByte === undefined ? bound : flipped(bound, qe.wrongByte), 320);
  const bytes = quote.serialiseQuote(range, version, {
    signature: signed(facts.isSigned ? KEYS.attestation : KEYS.stranger, range),
    attestationKey: KEYS.attestation.point,
    qeReport,
    qeReportSignature: signed(qe.isSigned ? KEYS.pck : KEYS.stranger, qeReport),
    qeAuthData: AUTH_DATA,
    certificationType: facts.certificationType,
    certificationData: new TextEncoder().encode(facts.certificationType === 5 ? pckChain : 'PPID'),
  });
  return Uint8Array.from([...bytes, ...new Uint8Array(facts.padding)]);
}

function tdBody(facts: Evidence['quote']): Uint8Array {
  const body = new Uint8Array(facts.format === 'v5-1.5' ? 648 : 584);
  body.set(facts.svn, 0);
  body.fill(facts.mrSigner, 64, 112);
  body[112] = facts.seamAttributes;
  const attributes = facts.attributes.reduce((bits, bit) => bits | (1n << BigInt(bit)), 0n);
  new DataView(body.buffer).setBigUint64(120, attributes, true);
  for (const [index, value] of MEASUREMENTS.entries()) body.set(value, 136 + 48 * index);
  body.set(REPORT_DATA, 520);
  if (facts.format !== 'v5-1.5') return body;
  body.set(facts.svn2, 584);
  if (facts.serviceTd !== undefined) body[600 + facts.serviceTd] = 1;
  return body;
}

function enclaveBody({ isDebuggedEnclave }: Evidence['quote']): Uint8Array {
  const body = new Uint8Array(384);
  body[48] = isDebuggedEnclave ? 7 : 5;
  body.set(REPORT_DATA, 320);
  return body;
}

function policyOf({ policy }: Evidence, isTd: boolean): verify.Policy {
  const [mrTd, mrConfigId, mrOwner, mrOwnerConfig, ...rtmr] = policy.measurements.map(
    (wanted, index): readonly Uint8Array[] | undefined => {
      const right = MEASUREMENTS[index] ?? new Uint8Array(48);
      // Every other register of the TD is on the list, so that none can stand for this one.
      const others = MEASUREMENTS.filter((one) => one !== right);
      if (wanted === 'any' || !isTd) return undefined;
      return wanted === 'listed' ? [flipped(right, 0), right] : [...others, flipped(right, 47)];
    },
  );
  const { statuses, leastSvn, reportData } = policy;
  return {
    ...(statuses && { statuses }),
    allowDebug: policy.allowsDebug,
    requireSeptVeDisable: policy.wantsSeptVeDisable,
    allowServiceTd: policy.allowsServiceTd,
    ...(mrTd && { mrTd }),
    ...(mrConfigId && { mrConfigId }),
    ...(mrOwner && { mrOwner }),
    ...(mrOwnerConfig && { mrOwnerConfig }),
    rtmr: Object.fromEntries(
      rtmr.flatMap((wanted, index) => (wanted ? [[index, wanted] as const] : [])),
    ),
    ...(leastSvn && { minTeeTcbSvn: Uint8Array.from(leastSvn) }),
    ...(reportData !== 'any' && {
      reportData: reportData === 'same' ? REPORT_DATA : flipped(REPORT_DATA, reportData),
    }),
  };
}
