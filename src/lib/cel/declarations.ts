/**
 * What an environment knows beyond its variables: libraries of functions, as data. A function stands under its signature:
 *
 *     'string.find(string): string'          a method; the receiver is the first argument
 *     'list<T>.sum(): T'                     one capital letter is any type, the same throughout
 *     'isIP(string): bool'                   a function
 *     'ip.isCanonical(string): bool'         a function whose name has a dot: `ip` is no type
 *     'net.IP.family(): int'                 a method of the library's own type, named in `types`
 *
 * Types: `bool int uint double string bytes null timestamp duration type dyn`, `list<…>`, `map<…, …>`, `optional<…>`, one capital letter,
 * or the name of an opaque type. `type<T>` is the type of `T`'s name.
 */
import type { CallCost } from './costs.ts';
import type { CelType } from './types.ts';
import type { CelValue } from './values.ts';

export interface CelLibrary {
  /** Two libraries of one name are the same. */
  readonly name: string;
  /** Opaque types, by the name that values have (`typeName`). */
  readonly types?: readonly string[];
  readonly functions?: Readonly<Record<string, CelFunction>>;
  /** Names that are values: of constants and enumerations. */
  readonly constants?: Readonly<Record<string, { readonly type: CelType; readonly value: CelValue }>>;
}

export type CelFunction = CelImplementation | CelOverload;

/** Given CEL values of the declared types (`dyn` is checked at the call). @throws CelFault */
// oxlint-disable-next-line typescript/no-explicit-any -- each signature has its own types, which the checker keeps
export type CelImplementation = (...args: any[]) => CelValue;

export interface CelOverload {
  readonly run: CelImplementation;
  /** Absent: 1. */
  readonly cost?: CallCost;
}
