/**
 * What an expression is told about the values it will get: CEL's types, with the bounds that estimates of cost go by. Pure data; made of
 * schemas by `api/cel/`, read by the checker and the cost estimate.
 *
 * `maxSize` is in characters of strings, bytes, elements of lists and maps; absent: nobody knows, and the request's size decides.
 */

export type CelType =
  | { readonly kind: 'bool' | 'int' | 'uint' | 'double' | 'null' | 'type' }
  /** A `dyn` with a size may be a text; of timestamps and durations, the size is that of their text. */
  | { readonly kind: 'string' | 'bytes' | 'dyn' | 'timestamp' | 'duration'; readonly maxSize?: number }
  | CelListType
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType; readonly maxSize?: number }
  /** A record. `name` is how errors call it; `fields` may be made when first read, so that types may hold themselves. */
  | CelObjectType
  | { readonly kind: 'optional'; readonly of: CelType }
  /** A type of a library: `kubernetes.Quantity`, `net.IP`. */
  | { readonly kind: 'opaque'; readonly name: string }
  /** Of a function's signature: any type, the same wherever it has this name. */
  | { readonly kind: 'parameter'; readonly name: string };

export interface CelListType {
  readonly kind: 'list';
  readonly element: CelType;
  readonly maxSize?: number;
  /** Of values that `celValue` makes: sets and keyed lists are equal in any order, and `+` merges them. */
  readonly listType?: 'set' | 'map';
  readonly mapKeys?: readonly string[];
}

export interface CelObjectType {
  readonly kind: 'object';
  readonly name: string;
  readonly fields: ReadonlyMap<string, CelField>;
}

export interface CelField {
  readonly type: CelType;
  /** There whenever the object is. */
  readonly required?: boolean;
  /** The field in JSON, where the expression calls it otherwise (`a__dot__b` for `a.b`). */
  readonly jsonName?: string;
}

/** How much an expression may cost at most and at least, in cel-go's units. */
export interface CostEstimate {
  readonly min: number;
  /** `Infinity` is possible; upstream prints its own greatest number then. */
  readonly max: number;
}

/** The types that have no parts, by name, and short ways to the others. */
export const celTypes = {
  dyn: { kind: 'dyn' },
  bool: { kind: 'bool' },
  int: { kind: 'int' },
  uint: { kind: 'uint' },
  double: { kind: 'double' },
  string: { kind: 'string' },
  bytes: { kind: 'bytes' },
  null: { kind: 'null' },
  timestamp: { kind: 'timestamp' },
  duration: { kind: 'duration' },
  type: { kind: 'type' },
  list: (element: CelType): CelType => ({ kind: 'list', element }),
  map: (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value }),
  optional: (of: CelType): CelType => ({ kind: 'optional', of }),
  opaque: (name: string): CelType => ({ kind: 'opaque', name }),
  object: (name: string, fields: Readonly<Record<string, CelType>>): CelType => ({
    kind: 'object',
    name,
    fields: new Map(Object.entries(fields).map(([field, type]) => [field, { type }])),
  }),
} as const satisfies Readonly<Record<string, CelType | ((...args: never[]) => CelType)>>;
