// SPDX-License-Identifier: MIT
import { FIRST_SERIAL } from './builtins.ts';
import type {
  ArrayType,
  CType,
  FunctionType,
  PointerType,
  QualifiedType,
  TagKind,
  TagScope,
  TagType,
} from './type.ts';

/** What makes a function type, without its number. */
export type FunctionShape = Omit<FunctionType, 'kind' | 'serial'>;

/** A return type and some parameters: function types share what their lists begin with. */
interface FunctionNode {
  readonly next: Map<CType, FunctionNode>;
  /** The function types with exactly these parameters, by what else tells them apart. */
  readonly types: Map<string, FunctionType>;
}

function nodeBehind(nodes: Map<CType, FunctionNode>, type: CType): FunctionNode {
  const known = nodes.get(type);
  if (known !== undefined) return known;
  const node: FunctionNode = { next: new Map(), types: new Map() };
  nodes.set(type, node);
  return node;
}

/**
 * Makes types so that equal ones are the same object. One table serves one translation unit; tags
 * are the only types in it that are equal to nothing but themselves.
 */
export class TypeTable {
  #serial = FIRST_SERIAL;
  readonly #pointers = new Map<CType, PointerType>();
  readonly #qualified = new Map<CType, QualifiedType[]>();
  readonly #functions = new Map<CType, FunctionNode>();
  readonly #types = new Map<string, CType>();

  pointer(to: CType): PointerType {
    const known = this.#pointers.get(to);
    if (known !== undefined) return known;
    const type: PointerType = { kind: 'pointer', serial: this.#next(), to };
    this.#pointers.set(to, type);
    return type;
  }

  /** Adds qualifiers: to those that are there; to an array's elements; to no function. */
  qualified(type: CType, qualifiers: number, addressSpace?: number): CType {
    if (qualifiers === 0 && addressSpace === undefined) return type;
    if (type.kind === 'function') return type;
    if (type.kind === 'array') {
      const element = this.qualified(type.element, qualifiers, addressSpace);
      if (type.bound === 'variable') return { ...type, serial: this.#next(), element };
      return this.array(element, type.bound);
    }
    const inner = type.kind === 'qualified' ? type.type : type;
    const own = type.kind === 'qualified' ? type.qualifiers : 0;
    const space = addressSpace ?? (type.kind === 'qualified' ? type.addressSpace : undefined);
    const all = own | qualifiers;
    return this.#qualifiedOf(inner, all, space);
  }

  #qualifiedOf(type: CType, qualifiers: number, addressSpace: number | undefined): CType {
    let others = this.#qualified.get(type);
    if (others === undefined) {
      others = [];
      this.#qualified.set(type, others);
    }
    for (const other of others) {
      if (other.qualifiers === qualifiers && other.addressSpace === addressSpace) return other;
    }
    const serial = this.#next();
    const made: QualifiedType = { kind: 'qualified', serial, qualifiers, addressSpace, type };
    others.push(made);
    return made;
  }

  /** Every variable-bound array is a type of its own, and so is every array of one. */
  array(element: CType, bound: ArrayType['bound']): CType {
    const variable = element.kind === 'array' && element.bound === 'variable';
    if (bound === 'variable' || variable) {
      return { kind: 'array', serial: this.#next(), element, bound: 'variable' };
    }
    return this.#intern(`A${element.serial},${bound ?? ''}`, (serial) => ({
      kind: 'array',
      serial,
      element,
      bound,
    }));
  }

  func(shape: FunctionShape): FunctionType {
    const { returns, parameters, variadic, convention, flags, regparm } = shape;
    let node = nodeBehind(this.#functions, returns);
    for (const parameter of parameters ?? []) node = nodeBehind(node.next, parameter);
    const form = parameters === undefined ? 'u' : variadic ? 'z' : '';
    const usual = convention === 'c' && flags.length === 0 && regparm === 0;
    const key = usual ? form : `${form}/${convention}/${[...flags].sort().join()}/${regparm}`;
    const known = node.types.get(key);
    if (known !== undefined) return known;
    const type: FunctionType = {
      kind: 'function',
      serial: this.#next(),
      ...{ returns, parameters, variadic, convention, flags, regparm },
    };
    node.types.set(key, type);
    return type;
  }

  vector(element: CType, count: number, extended: boolean): CType {
    return this.#intern(`V${element.serial},${count},${extended}`, (serial) => ({
      kind: 'vector',
      ...{ serial, element, count, extended },
    }));
  }

  complex(element: CType): CType {
    return this.#intern(`C${element.serial}`, (serial) => ({ kind: 'complex', serial, element }));
  }

  bitInt(signed: boolean, bits: number): CType {
    return this.#intern(`B${signed},${bits}`, (serial) => ({
      kind: 'bitint',
      ...{ serial, signed, bits },
    }));
  }

  atomic(type: CType): CType {
    return this.#intern(`_${type.serial}`, (serial) => ({ kind: 'atomic', serial, type }));
  }

  /** A new tag, equal to no other. */
  tag(
    tag: TagKind,
    name: string | undefined,
    scope: TagScope,
    parent: TagType | undefined,
  ): TagType {
    return {
      kind: 'tag',
      serial: this.#next(),
      ...{ tag, name, scope, parent },
      typedefName: undefined,
      members: undefined,
      integer: undefined,
      packed: false,
      aligned: 0,
    };
  }

  #intern(key: string, make: (serial: number) => CType): CType {
    const known = this.#types.get(key);
    if (known !== undefined) return known;
    const type = make(this.#next());
    this.#types.set(key, type);
    return type;
  }

  #next(): number {
    this.#serial += 1;
    return this.#serial;
  }
}
