/**
 * A structural schema: what a value of a custom resource is made of, said once for every place in it (KEP-2332 and the API's documentation of
 * CustomResourceDefinitions). `structuralOf` makes it of an OpenAPI v3 schema that validation took for structural; all else that works
 * with values of custom resources walks over it: pruning, defaults, validation, the types for server-side apply and for expressions.
 *
 * Nodes never change, and are known by identity: what is compiled of one (expressions, patterns) is kept beside it in a WeakMap. Those below a
 * node are made when somebody looks at them: of a schema of half a megabyte most is never walked.
 */
import type { JsonValue } from '../object.ts';
import type { JSONSchemaProps, ValidationRule } from '../schema/types/apiextensions-v1.ts';

export type StructuralType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | '';

export interface Structural {
  /** Empty only with `intOrString` or `preserveUnknown`. */
  readonly type: StructuralType;
  readonly nullable: boolean;
  readonly properties: ReadonlyMap<string, Structural>;
  /** Of a map's values; `true`: any. Absent where unknown fields are not values. */
  readonly additionalProperties?: Structural | true | undefined;
  readonly items?: Structural | undefined;
  /** Fields that the schema does not name stay. */
  readonly preserveUnknown: boolean;
  /** The value is a whole object, with `apiVersion`, `kind` and `metadata`. */
  readonly embeddedResource: boolean;
  readonly intOrString: boolean;
  readonly listType: 'atomic' | 'set' | 'map';
  readonly listMapKeys: readonly string[];
  /** `x-kubernetes-map-type`. */
  readonly mapType: 'granular' | 'atomic';
  readonly default?: JsonValue | undefined;
  /** `x-kubernetes-validations`. */
  readonly rules: readonly ValidationRule[];
  /** The node as it was written, for keywords that only validation reads (`pattern`, `allOf`, `format`, …). */
  readonly source: JSONSchemaProps;
}
