// SPDX-License-Identifier: MIT
import { promotedParameter } from './promotion.ts';
import type { TypeTable } from './type-table.ts';
import type { CType, FunctionType } from './type.ts';

/**
 * The composite of the types of two declarations of one thing. C17 6.2.7.
 *
 * @returns undefined where the types are not compatible
 */
export function compositeType(types: TypeTable, a: CType, b: CType): CType | undefined {
  if (a === b) return a;
  if (a.kind === 'pointer' && b.kind === 'pointer') {
    const to = compositeType(types, a.to, b.to);
    return to && types.pointer(to);
  }
  if (a.kind === 'array' && b.kind === 'array') {
    const element = compositeType(types, a.element, b.element);
    if (element === undefined) return undefined;
    const known = [a.bound, b.bound].filter((bound) => typeof bound === 'bigint');
    if (known.length === 2 && known[0] !== known[1]) return undefined;
    return types.array(element, known[0] ?? a.bound ?? b.bound);
  }
  if (a.kind === 'qualified' && b.kind === 'qualified') {
    if (a.qualifiers !== b.qualifiers || a.addressSpace !== b.addressSpace) return undefined;
    const inner = compositeType(types, a.type, b.type);
    return inner && types.qualified(inner, a.qualifiers, a.addressSpace);
  }
  if (a.kind === 'function' && b.kind === 'function') return compositeFunction(types, a, b);
  if (a.kind === 'tag' && a.tag === 'enum' && a.integer === b) return b;
  if (b.kind === 'tag' && b.tag === 'enum' && b.integer === a) return a;
  return undefined;
}

function compositeFunction(types: TypeTable, a: FunctionType, b: FunctionType): CType | undefined {
  const returns = compositeType(types, a.returns, b.returns);
  if (returns === undefined || a.convention !== b.convention || a.regparm !== b.regparm) {
    return undefined;
  }
  const flags = [...new Set([...a.flags, ...b.flags])].sort();
  const shared = { returns, convention: a.convention, regparm: a.regparm, flags };
  const [first, second] = [a.parameters, b.parameters];
  if (first === undefined || second === undefined) {
    const parameters = first ?? second;
    const prototyped = first === undefined ? b : a;
    if (parameters !== undefined && !agreesWithoutPrototype(prototyped)) return undefined;
    return types.func({ ...shared, parameters, variadic: prototyped.variadic });
  }
  if (first.length !== second.length || a.variadic !== b.variadic) return undefined;
  const parameters: CType[] = [];
  for (const [index, parameter] of first.entries()) {
    const other = second[index];
    const merged = other && compositeType(types, parameter, other);
    if (merged === undefined) return undefined;
    parameters.push(merged);
  }
  return types.func({ ...shared, parameters, variadic: a.variadic });
}

/**
 * A declaration without a prototype fits one that is not variadic and whose parameters are
 * promoted.
 */
function agreesWithoutPrototype({ parameters, variadic }: FunctionType): boolean {
  return !variadic && (parameters ?? []).every((type) => promotedParameter(type) === type);
}
