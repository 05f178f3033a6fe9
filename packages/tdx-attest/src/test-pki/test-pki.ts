// SPDX-License-Identifier: MIT
import { asciiBytes } from '../bytes.ts';
import { signingKeyOf, type SigningKey } from '../crypto/signing-key.ts';
import { PLATFORM_CPUSVN, PLATFORM_TEE_TCB_SVN } from '../driver/index.ts';
import type { Collateral } from '../verify/collateral.ts';
import { encodePem } from '../x509/pem.ts';
import { certificate, revocationList, type CertificateSpec, type IsoTime } from './der.ts';
import {
  qeIdentityText,
  tcbInfoText,
  TEST_QE_ISVSVN,
  type TestIsvLevel,
  type TestTcbLevel,
} from './documents.ts';
import { pckExtension, type TestPlatform } from './pck-extension.ts';

/*
 * A TEST hierarchy that stands for Intel's: root, platform CA, PCK and TCB signing certificates,
 * all of keys that anybody can make from a seed. What it vouches for is worth nothing outside of
 * tests.
 */

/** A span of time, both ends inclusive. */
export interface Window {
  readonly from: IsoTime;
  readonly to: IsoTime;
}

/** A certificate that is signed as it should be, and says of itself what it should not. */
export interface TestMistake {
  readonly certificate: 'platform-ca' | 'tcb-signing' | 'pck';
  /** basicConstraints. */
  readonly isCa?: boolean;
  /** keyUsage, its first byte: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign. */
  readonly keyUsage?: number;
}

/** What a TEST hierarchy is made of. Everything has a default. */
export interface TestPkiOptions {
  /** Equal seeds, equal keys. */
  readonly seed?: string;
  readonly certificateWindow?: Window;
  readonly platform?: Partial<TestPlatform>;
  readonly mistake?: TestMistake;
}

/** What a TEST collateral says. Everything has a default: a platform that is up to date. */
export interface TestCollateralOptions {
  readonly tee?: 'sgx' | 'tdx';
  /** Of the lists and both documents. */
  readonly window?: Window;
  readonly revoked?: readonly ('pck' | 'platform-ca' | 'tcb-signing')[];
  readonly levels?: readonly TestTcbLevel[];
  readonly moduleLevels?: readonly TestIsvLevel[];
  readonly qeLevels?: readonly TestIsvLevel[];
  /** Of another platform. */
  readonly fmspc?: Uint8Array;
}

/** A TEST hierarchy. */
export interface TestPki {
  /** DER. A verifier that shall take its quotes must be given it. */
  readonly root: Uint8Array;
  /** PEM: PCK, platform CA, root. */
  readonly pckChain: string;
  readonly pckKey: SigningKey;
  readonly platform: TestPlatform;
  collateral(options?: TestCollateralOptions): Collateral;
}

/** The TEST platform: that of the modelled TDs. */
export const TEST_PLATFORM: TestPlatform = Object.freeze({
  components: Object.freeze([...PLATFORM_CPUSVN]),
  pceSvn: 13,
  fmspc: Uint8Array.of(0x54, 0x45, 0x53, 0x54, 0, 0),
  pceId: Uint8Array.of(0, 0),
  ppid: asciiBytes('TEST ppid of 16.'),
});

/** Levels of {@link TEST_PLATFORM}: it reaches the newest. */
export const TEST_TCB_LEVELS: readonly TestTcbLevel[] = [
  {
    sgx: [...PLATFORM_CPUSVN],
    pceSvn: 13,
    tdx: [...PLATFORM_TEE_TCB_SVN],
    status: 'UpToDate',
  },
  {
    sgx: [...PLATFORM_CPUSVN].map(() => 3),
    pceSvn: 11,
    tdx: [3, 0, 1],
    status: 'OutOfDate',
    advisories: ['TEST-SA-00001'],
  },
];

/** Levels of the TDX module: SVN 5 of {@link PLATFORM_TEE_TCB_SVN} is the newest. */
export const TEST_MODULE_LEVELS: readonly TestIsvLevel[] = [
  { isvSvn: 5, status: 'UpToDate' },
  { isvSvn: 3, status: 'OutOfDate' },
];

const TEST_QE_LEVELS: readonly TestIsvLevel[] = [
  { isvSvn: TEST_QE_ISVSVN, status: 'UpToDate' },
  { isvSvn: 2, status: 'OutOfDate' },
];

const CERTIFICATE_WINDOW: Window = { from: '2020-01-01T00:00:00Z', to: '2049-12-31T23:59:59Z' };
/** When TEST collateral is current, where nothing else is said. */
export const TEST_COLLATERAL_WINDOW: Window = {
  from: '2026-01-01T00:00:00Z',
  to: '2026-12-31T23:59:59Z',
};

const NAME = {
  root: 'TEST SGX Root CA',
  platformCa: 'TEST SGX PCK Platform CA',
  pck: 'TEST SGX PCK Certificate',
  tcbSigning: 'TEST SGX TCB Signing',
} as const;
const SERIAL = { root: 1, 'platform-ca': 2, 'tcb-signing': 3, pck: 4 } as const;

/** Makes a TEST hierarchy. */
export function createTestPki(options: TestPkiOptions = {}): TestPki {
  const { seed = 'TEST', certificateWindow = CERTIFICATE_WINDOW } = options;
  const mistaken = (
    name: TestMistake['certificate'],
  ): Partial<Omit<TestMistake, 'certificate'>> => {
    if (options.mistake?.certificate !== name) return {};
    const { isCa, keyUsage } = options.mistake;
    return { ...(isCa !== undefined && { isCa }), ...(keyUsage !== undefined && { keyUsage }) };
  };
  const platform = { ...TEST_PLATFORM, ...options.platform };
  const rootKey = signingKeyOf(`${seed} root`);
  const caKey = signingKeyOf(`${seed} platform ca`);
  const tcbKey = signingKeyOf(`${seed} tcb signing`);
  const pckKey = signingKeyOf(`${seed} pck`);

  const issue = (
    subject: string,
    serial: number,
    key: SigningKey,
    by: { readonly name: string; readonly key: SigningKey },
    more: Pick<CertificateSpec, 'isCa' | 'keyUsage' | 'sgxExtensions'>,
  ): Uint8Array =>
    certificate(
      { subject, issuer: by.name, serial, publicKey: key.point, ...certificateWindow, ...more },
      by.key,
    );
  const rootIssuer = { name: NAME.root, key: rootKey };
  const caIssuer = { name: NAME.platformCa, key: caKey };
  const root = issue(NAME.root, SERIAL.root, rootKey, rootIssuer, { isCa: true });
  const ca = issue(NAME.platformCa, SERIAL['platform-ca'], caKey, rootIssuer, {
    isCa: true,
    ...mistaken('platform-ca'),
  });
  const signing = issue(NAME.tcbSigning, SERIAL['tcb-signing'], tcbKey, rootIssuer, {
    isCa: false,
    ...mistaken('tcb-signing'),
  });
  const sgxExtensions = pckExtension(platform);
  const pck = issue(NAME.pck, SERIAL.pck, pckKey, caIssuer, {
    isCa: false,
    sgxExtensions,
    ...mistaken('pck'),
  });

  return {
    root,
    pckChain: encodePem([pck, ca, root]),
    pckKey,
    platform,
    collateral: (wanted = {}) => {
      const { tee = 'tdx', window = TEST_COLLATERAL_WINDOW, revoked = [] } = wanted;
      const fmspc = wanted.fmspc ?? platform.fmspc;
      const levels = wanted.levels ?? TEST_TCB_LEVELS;
      const modules = wanted.moduleLevels ?? TEST_MODULE_LEVELS;
      const tcbInfo = tcbInfoText(tee, { ...platform, fmspc }, window, levels, modules);
      const qeIdentity = qeIdentityText(tee, window, wanted.qeLevels ?? TEST_QE_LEVELS);
      const issuerChain = encodePem([signing, root]);
      const serials = (of: readonly string[]): readonly number[] =>
        revoked.filter((one) => of.includes(one)).map((one) => SERIAL[one]);
      return {
        rootCaCrl: revocationList(
          { issuer: NAME.root, ...window, revoked: serials(['platform-ca', 'tcb-signing']) },
          rootKey,
        ),
        pckCrl: revocationList(
          { issuer: NAME.platformCa, ...window, revoked: serials(['pck']) },
          caKey,
        ),
        tcbInfoIssuerChain: issuerChain,
        tcbInfo,
        tcbInfoSignature: tcbKey.sign(asciiBytes(tcbInfo)),
        qeIdentityIssuerChain: issuerChain,
        qeIdentity,
        qeIdentitySignature: tcbKey.sign(asciiBytes(qeIdentity)),
      };
    },
  };
}
