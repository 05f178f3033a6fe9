// SPDX-License-Identifier: MIT
import { join } from 'node:path';
import ts from 'typescript';
import type { Example } from './examples.ts';
import { ROOT } from './sources.ts';

/** As strict as the packages themselves, but for what an example leaves unused and unannotated. */
const RELAXED: ts.CompilerOptions = {
  composite: false,
  incremental: false,
  declaration: false,
  declarationMap: false,
  sourceMap: false,
  isolatedDeclarations: false,
  noUnusedLocals: false,
  noUnusedParameters: false,
  noEmit: true,
  allowImportingTsExtensions: true,
  types: ['node'],
};

/** What the compiler says of the examples, as `README.md:40: message`; one program for all. */
export function typeErrorsOf(examples: readonly Example[]): readonly string[] {
  const texts = new Map(
    examples.map((example, index) => [
      join(ROOT, `test-models/.examples/block-${index}.ts`),
      { example, text: `${example.code}\nexport {};\n` },
    ]),
  );
  const options = compilerOptions();
  const host = onlyInMemory(
    ts.createCompilerHost(options, true),
    (path) => texts.get(path)?.text,
    options,
  );
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts].flatMap(([path, { example }]) => {
    const source = program.getSourceFile(path);
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return found.map(
      ({ messageText }) => `${example.where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

function compilerOptions(): ts.CompilerOptions {
  const path = join(ROOT, 'tsconfig.base.json');
  const { config } = ts.readConfigFile(path, (name) => ts.sys.readFile(name)) as {
    readonly config: { readonly compilerOptions: object };
  };
  const { options, errors } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  const [error] = errors;
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, ' '));
  return { ...options, ...RELAXED };
}

/** A host that has further files, which are on no disk. */
function onlyInMemory(
  host: ts.CompilerHost,
  textOf: (path: string) => string | undefined,
  { target }: ts.CompilerOptions,
): ts.CompilerHost {
  return {
    ...host,
    fileExists: (path) => textOf(path) !== undefined || host.fileExists(path),
    readFile: (path) => textOf(path) ?? host.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const text = textOf(path);
      return text === undefined
        ? host.getSourceFile(path, version, ...rest)
        : ts.createSourceFile(path, text, version ?? target ?? ts.ScriptTarget.ES2022);
    },
  };
}
