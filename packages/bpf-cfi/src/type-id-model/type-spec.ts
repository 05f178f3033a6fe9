// SPDX-License-Identifier: MIT

/*
 * A C type as plain data: what generators make, traces hold and shrinkers make smaller. It says how
 * a type is written, not what it means.
 */

export type Qualifier = 'const' | 'volatile' | 'restrict';

/** A C type. */
export type TypeSpec =
  /** As C spells it: `unsigned int`, `_Bool`, `_BitInt(7)`, `double _Complex`. */
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'tag'; readonly tag: 'struct' | 'union' | 'enum'; readonly name: string }
  /** A typedef of an unnamed struct, union or enum. */
  | { readonly kind: 'typedef'; readonly tag: 'struct' | 'union' | 'enum'; readonly name: string }
  | { readonly kind: 'pointer'; readonly to: TypeSpec }
  | {
      readonly kind: 'qualified';
      readonly qualifiers: readonly Qualifier[];
      readonly type: TypeSpec;
    }
  /** `bound` null for `[]`. */
  | { readonly kind: 'array'; readonly bound: number | null; readonly element: TypeSpec }
  | {
      readonly kind: 'function';
      readonly returns: TypeSpec;
      /** Null where there is no prototype. */
      readonly parameters: readonly TypeSpec[] | null;
      readonly variadic: boolean;
    }
  | { readonly kind: 'vector'; readonly bytes: number; readonly element: TypeSpec }
  | { readonly kind: 'atomic'; readonly type: TypeSpec };

/** A type's declarator: what stands before and behind the name. */
interface Parts {
  readonly before: string;
  readonly after: string;
}

/**
 * C that declares something of a type.
 *
 * @example declarationOf({ kind: 'pointer', to: { kind: 'builtin', name: 'int' } }, 'p') // 'int *p'
 */
export function declarationOf(type: TypeSpec, name: string): string {
  const { before, after } = parts(type, { before: name, after: '' }, false);
  return `${before}${after}`;
}

/** Builds from the name outwards; `wrapped` where a pointer stands directly inside. */
function parts(type: TypeSpec, inner: Parts, wrapped: boolean): Parts {
  const { before, after } = inner;
  switch (type.kind) {
    case 'builtin':
      return { before: `${type.name} ${before}`, after };
    case 'tag':
      return { before: `${type.tag} ${type.name} ${before}`, after };
    case 'typedef':
      return { before: `${type.name} ${before}`, after };
    case 'atomic':
      return { before: `_Atomic(${declarationOf(type.type, '')}) ${before}`, after };
    case 'vector': {
      const attribute = `__attribute__((vector_size(${type.bytes})))`;
      return parts(type.element, { before: `${attribute} ${before}`, after }, false);
    }
    case 'pointer':
      return parts(type.to, { before: `*${before}`, after }, true);
    case 'qualified': {
      const words = type.qualifiers.join(' ');
      if (type.type.kind === 'pointer') {
        return parts(type.type.to, { before: `*${words} ${before}`, after }, true);
      }
      return parts(type.type, { before: `${words} ${before}`, after }, wrapped);
    }
    case 'array': {
      const [open, close] = wrapped ? ['(', ')'] : ['', ''];
      const bound = type.bound === null ? '' : String(type.bound);
      const behind = `${after}${close}[${bound}]`;
      return parts(type.element, { before: `${open}${before}`, after: behind }, false);
    }
    case 'function': {
      const [open, close] = wrapped ? ['(', ')'] : ['', ''];
      const list = `(${parameterList(type)})`;
      return parts(
        type.returns,
        { before: `${open}${before}`, after: `${after}${close}${list}` },
        false,
      );
    }
  }
}

function parameterList({ parameters, variadic }: Extract<TypeSpec, { kind: 'function' }>): string {
  if (parameters === null) return '';
  const list = parameters.map((type) => declarationOf(type, ''));
  if (list.length === 0 && !variadic) return 'void';
  return [...list, ...(variadic ? ['...'] : [])].join(', ');
}

/** Declarations of all tags and typedefs that types name, each once. */
export function preludeOf(types: readonly TypeSpec[]): string {
  const lines = new Set<string>();
  for (const type of types) collect(type, lines);
  return [...lines].join('\n');
}

function collect(type: TypeSpec, lines: Set<string>): void {
  switch (type.kind) {
    case 'builtin':
      return;
    case 'tag':
    case 'typedef':
      lines.add(definition(type));
      return;
    case 'pointer':
      collect(type.to, lines);
      return;
    case 'qualified':
    case 'atomic':
      collect(type.type, lines);
      return;
    case 'array':
    case 'vector':
      collect(type.element, lines);
      return;
    case 'function':
      collect(type.returns, lines);
      for (const parameter of type.parameters ?? []) collect(parameter, lines);
  }
}

/** Any body does: none of it is in the mangled name. */
function definition(type: Extract<TypeSpec, { kind: 'tag' | 'typedef' }>): string {
  const tag = type.kind === 'tag' ? ` ${type.name}` : '';
  const body = type.tag === 'enum' ? `{ ${type.name}__first }` : '{ int first; }';
  return type.kind === 'tag'
    ? `${type.tag}${tag} ${body};`
    : `typedef ${type.tag} ${body} ${type.name};`;
}
