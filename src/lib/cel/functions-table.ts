/** Functions of several libraries in one table, by name: what the checker chooses from and the planner calls. */
import type { CallCost } from './costs.ts';
import type { CelImplementation, CelLibrary } from './declarations.ts';
import { signatureOf } from './signatures.ts';
import type { CelType } from './types.ts';
import { CelTypeValue, type CelValue } from './values.ts';

export interface Overload {
  /** Its signature, as it was written. */
  readonly id: string;
  readonly name: string;
  readonly isMember: boolean;
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  readonly run: CelImplementation;
  readonly cost: CallCost | undefined;
}

export interface Constant {
  readonly type: CelType;
  readonly value: CelValue;
}

export interface Declarations {
  readonly functions: ReadonlyMap<string, readonly Overload[]>;
  readonly constants: ReadonlyMap<string, Constant>;
}

const known = new WeakMap<CelLibrary, Declarations>();

function declarationsOfOne(library: CelLibrary): Declarations {
  const before = known.get(library);
  if (before !== undefined) return before;
  const made = { functions: new Map<string, Overload[]>(), constants: new Map(constantsOf(library)) };
  const types = new Set(library.types);
  for (const [id, declared] of Object.entries(library.functions ?? {})) {
    const { run, cost } = typeof declared === 'function' ? { run: declared, cost: undefined } : declared;
    const signature = signatureOf(id, types);
    const overload: Overload = { id, ...signature, run, cost };
    const overloads = made.functions.get(overload.name);
    if (overloads === undefined) made.functions.set(overload.name, [overload]);
    else overloads.push(overload);
  }
  known.set(library, made);
  return made;
}

function constantsOf({ types = [], constants = {} }: CelLibrary): readonly (readonly [string, Constant])[] {
  return [...types.map((name) => [name, typeConstant(name)] as const), ...Object.entries(constants)];
}

export const typeConstant = (name: string): Constant => ({ type: { kind: 'type' }, value: new CelTypeValue(name) });

/** By the libraries, in their order: environments with the same ones share a table. */
const merged: { libraries: readonly CelLibrary[]; declarations: Declarations }[] = [];
/** Beyond it, the oldest is made again. */
const mergedMax = 16;

export function declarationsOf(libraries: readonly CelLibrary[]): Declarations {
  const before = merged.find(
    (each) =>
      each.libraries.length === libraries.length && each.libraries.every((one, index) => one === libraries[index]),
  );
  if (before !== undefined) return before.declarations;
  const declarations = mergedDeclarations(libraries);
  if (merged.length >= mergedMax) merged.shift();
  merged.push({ libraries, declarations });
  return declarations;
}

function mergedDeclarations(libraries: readonly CelLibrary[]): Declarations {
  const functions = new Map<string, readonly Overload[]>();
  const constants = new Map<string, Constant>();
  for (const library of libraries) {
    const own = declarationsOfOne(library);
    for (const [name, overloads] of own.functions) functions.set(name, [...(functions.get(name) ?? []), ...overloads]);
    for (const [name, constant] of own.constants) constants.set(name, constant);
  }
  return { functions, constants };
}
