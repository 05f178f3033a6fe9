// SPDX-License-Identifier: MIT

/** What a verifier may do wrong. All false in the one that is meant to be used. */
export interface Variant {
  readonly skipsQeReportData: boolean;
  readonly skipsChainRoot: boolean;
  readonly skipsCrl: boolean;
  readonly skipsDates: boolean;
  readonly skipsDebug: boolean;
  /** A level fits where any component is high enough, not all. */
  readonly comparesAnyComponent: boolean;
  /** The order of levels is taken from the JSON. */
  readonly trustsLevelOrder: boolean;
  /** TDX components 0 and 1 are compared, which the module's identity judges. */
  readonly comparesModuleSvn: boolean;
  /** Signatures on collateral are checked over JSON that was parsed and written again. */
  readonly reserialisesJson: boolean;
  readonly requiresLowS: boolean;
  readonly rejectsTrailingBytes: boolean;
}

/** The correct verifier. */
export const CORRECT: Variant = Object.freeze({
  skipsQeReportData: false,
  skipsChainRoot: false,
  skipsCrl: false,
  skipsDates: false,
  skipsDebug: false,
  comparesAnyComponent: false,
  trustsLevelOrder: false,
  comparesModuleSvn: false,
  reserialisesJson: false,
  requiresLowS: false,
  rejectsTrailingBytes: false,
});
