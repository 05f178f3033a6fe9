// SPDX-License-Identifier: MIT
export { executed, scenario } from './apply.ts';
export {
  bootHash,
  bootKernel,
  CFI_MODES,
  cfiGetOffset,
  parseCfiParameter,
  type Boot,
  type CfiMode,
  type CfiOptions,
} from './boot.ts';
export { fromHex, toHex } from './bytes.ts';
export { CSyntaxError } from './c/syntax-error.ts';
export { TranslationUnit } from './c/translation-unit.ts';
export { layoutOf, type Layout } from './c/layout.ts';
export type * from './c/type.ts';
export { callSite, CHECK_SIZE, SITE_SIZE, type CallSite } from './call-site.ts';
export {
  decideCall,
  type CallDecision,
  type Place,
  type TargetFacts,
  type Trap,
} from './checked-call.ts';
export { cfiFailure, type CfiFailure } from './cfi-failure.ts';
export { jitImage, type ImageShape, type JitImage, type ProgramBody } from './jit-image.ts';
export { ARGUMENT_OBJECT, ARITY_THUNKS, CALLER, CALLS, STACK_TOP } from './kernel-text.ts';
export { bpfCfi } from './model.ts';
export * from './operation.ts';
export * from './outcome.ts';
export {
  binaryBytes,
  binaryPackAlloc,
  binaryPackFree,
  HEADER_SIZE,
  imageAddress,
  startHole,
  type Place as ImagePlace,
} from './pack/binary.ts';
export { bootMemory, chargeModmem, JIT_LIMIT_MAX, type JitMemory } from './pack/jit-memory.ts';
export {
  bitmapRuns,
  CHUNK_SIZE,
  FIRST_PACK,
  packAlloc,
  packFree,
  PACK_SIZE,
  type Chunks,
  type Pack,
} from './pack/pack.ts';
export {
  nextTrampoline,
  tracerAlloc,
  tracerFree,
  type ImagePages,
  type TrampolineImage,
} from './pack/trampoline-image.ts';
export { schemeOf } from './plan/call-plan.ts';
export { placeTrampoline, type PlacedTrampoline } from './plan/member-trampoline.ts';
export { stubArity } from './plan/stub.ts';
export {
  functionPreamble,
  hashPosition,
  jitPreamble,
  prefixNops,
  type Arity,
  type Preamble,
  type Scheme,
} from './preamble.ts';
export { maskedHex } from './masked-hex.ts';
export {
  BPF_MAIN,
  BPF_SUBPROGRAM,
  DESTRUCTOR_CALL,
  DUMMY_TEST_CALL,
  KERNEL_TYPES,
  prototype,
  type Prototype,
} from './prototypes.ts';
export { ENDBR32, ENDBR64, endbrPoison, isEndbr, rehash } from './rehash.ts';
export { featuresOf, REVISIONS, type Features } from './revisions.ts';
export {
  execute,
  EXECUTION_LIMIT,
  reportText,
  scenarioMachine,
  trace,
  trapTableOf,
  type Execution,
  type Scenario,
  type TraceLine,
} from './scenario.ts';
export { setupError, type Setup } from './setup.ts';
export * from './state.ts';
export { structMember, structMembers, type StructMember, type StructName } from './struct-types.ts';
export {
  BPF_TRAMP_F,
  flagsWarn,
  structOpsFlags,
  tracingFlags,
  type TracingNeeds,
  type TrampolineFlag,
} from './trampoline/flags.ts';
export { frameOf, type Frame } from './trampoline/frame.ts';
export {
  argumentSlots,
  functionModel,
  slotPlaces,
  type ArgumentModel,
  type FunctionModel,
  type SlotPlace,
} from './trampoline/function-model.ts';
export type { LinkedProgram, TrampolineCalls } from './trampoline/invoke-program.ts';
export { structOpsTrampoline, type MemberShape } from './trampoline/struct-ops-trampoline.ts';
export { emitTrampoline, type Trampoline, type TrampolineShape } from './trampoline/trampoline.ts';
export {
  AnonymousNumbers,
  DEFAULT_MANGLING,
  mangle,
  type Mangled,
  type MangleOptions,
} from './type-id/mangle.ts';
export {
  calledFunction,
  kcfiTypeId,
  kcfiTypeIds,
  memberTypeIds,
  namedTypeId,
  typeIdOf,
  type NamedTypeId,
  type TypeId,
  type TypeIdOptions,
} from './type-id/type-id.ts';
export { xxHash64, xxHash64Low } from './type-id/xxhash64.ts';
export {
  optionsOf,
  typeIdModel,
  type CompilerFeatures,
  type CompilerOperation,
  type CompilerOutcome,
  type CompilerSetup,
} from './type-id-model/type-id-model.ts';
export {
  declarationOf,
  preludeOf,
  type Qualifier,
  type TypeSpec,
} from './type-id-model/type-spec.ts';
export { demangle, type TypeTree } from './type-id/demangle.ts';
