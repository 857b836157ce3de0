/**
 * What an expression is told about the values it will get: CEL's types, with the bounds that estimates of cost go by. Pure data; made of
 * schemas by `api/cel/`, read by the checker and the cost estimate.
 *
 * `maxSize` is in characters of strings, bytes, elements of lists and maps; absent: nobody knows, and the request's size decides.
 */

export type CelType =
  | { readonly kind: 'dyn' | 'bool' | 'int' | 'uint' | 'double' | 'null' | 'timestamp' | 'duration' | 'type' }
  | { readonly kind: 'string' | 'bytes'; readonly maxSize?: number }
  | { readonly kind: 'list'; readonly element: CelType; readonly maxSize?: number }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType; readonly maxSize?: number }
  /** A record. `name` is how errors call it; `fields` may be made when first read, so that types may hold themselves. */
  | { readonly kind: 'object'; readonly name: string; readonly fields: ReadonlyMap<string, CelField> }
  | { readonly kind: 'optional'; readonly of: CelType }
  /** A type of a library: `Quantity`, `kubernetes.URL`. */
  | { readonly kind: 'opaque'; readonly name: string }
  /** Of a function's signature: any type, the same wherever it has this name. */
  | { readonly kind: 'parameter'; readonly name: string };

export interface CelField {
  readonly type: CelType;
  /** There whenever the object is. */
  readonly required?: boolean;
}

/** How much an expression may cost at most and at least, in cel-go's units. */
export interface CostEstimate {
  readonly min: number;
  /** `Infinity` is possible; upstream prints its own greatest number then. */
  readonly max: number;
}
