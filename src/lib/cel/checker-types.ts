/** Types that the checker makes of what it meets: of constants, of a function's signature for one call. */
import { type Bindings, substituted } from './assignability.ts';
import type { Overload } from './functions-table.ts';
import type { CelType } from './types.ts';
import type { CelValue } from './values.ts';

const plainKinds: Readonly<Record<string, 'bool' | 'string' | 'int' | 'double'>> = {
  boolean: 'bool',
  string: 'string',
  bigint: 'int',
  number: 'double',
};

export function literalType(value: CelValue): CelType {
  if (value === null) return { kind: 'null' };
  if (typeof value === 'object') return { kind: value instanceof Uint8Array ? 'bytes' : 'uint' };
  return { kind: plainKinds[typeof value] ?? 'dyn' };
}

/** A field of what may be missing may be missing, too. */
export const optionalOf = (type: CelType): CelType =>
  type.kind === 'optional' ? type : { kind: 'optional', of: type };

/** Type parameters of one call are not those of another: they get names that end so. */
export function instanceOf(
  { parameters, result }: Overload,
  suffix: string,
): { readonly parameters: readonly CelType[]; readonly result: CelType } {
  const names = namesOf(parameters, result);
  if (names.length === 0) return { parameters, result };
  const fresh: Bindings = new Map(names.map((name) => [name, { kind: 'parameter', name: name + suffix }]));
  return {
    parameters: parameters.map((type) => substituted(fresh, type, false)),
    result: substituted(fresh, result, false),
  };
}

const known = new WeakMap<readonly CelType[], readonly string[]>();

/** Kept by the overload: most have none. */
function namesOf(parameters: readonly CelType[], result: CelType): readonly string[] {
  let names = known.get(parameters);
  if (names === undefined) known.set(parameters, (names = [...parameterNames([...parameters, result])]));
  return names;
}

function* parameterNames(types: readonly CelType[]): Generator<string> {
  for (const type of types) {
    if (type.kind === 'parameter') yield type.name;
    else if (type.kind === 'list') yield* parameterNames([type.element]);
    else if (type.kind === 'map') yield* parameterNames([type.key, type.value]);
    else if (type.kind === 'optional') yield* parameterNames([type.of]);
  }
}
