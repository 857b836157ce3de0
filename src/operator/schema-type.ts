/**
 * From a schema to the TypeScript type of its values, by the compiler alone: `FromSchema<typeof schema>`. What the schema calls required,
 * or has a default for, is there; all else may be absent.
 *
 * The schemas are structural (OpenAPI v3 as CustomResourceDefinitions take it); keywords that say nothing of the type are free.
 */

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-embedded-resource'?: true;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly Rule[];
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

/** A rule in CEL. */
export interface Rule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export type FromSchema<S> = S extends { readonly nullable: true } ? FromNode<S> | null : FromNode<S>;

type FromNode<S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly 'x-kubernetes-int-or-string': true }
    ? number | string
    : S extends { readonly type: 'string' }
      ? string
      : S extends { readonly type: 'integer' | 'number' }
        ? number
        : S extends { readonly type: 'boolean' }
          ? boolean
          : S extends { readonly type: 'array'; readonly items: infer I }
            ? readonly FromSchema<I>[]
            : S extends { readonly type: 'object' }
              ? FromObject<S>
              : unknown;

type FromObject<S> = S extends { readonly properties: infer P }
  ? Flat<
      { readonly [N in Present<S, P>]: FromSchema<P[N]> } & {
        readonly [N in Exclude<keyof P, Present<S, P>>]?: FromSchema<P[N]>;
      }
    > &
      (S extends { readonly 'x-kubernetes-preserve-unknown-fields': true }
        ? { readonly [name: string]: unknown }
        : unknown)
  : S extends { readonly additionalProperties: infer V }
    ? { readonly [name: string]: V extends Schema ? FromSchema<V> : unknown }
    : { readonly [name: string]: unknown };

/** Required, or with a default. */
type Present<S, P> =
  | (S extends { readonly required: readonly (infer N)[] } ? N & keyof P : never)
  | { [N in keyof P]: P[N] extends { readonly default: unknown } ? N : never }[keyof P];

type Flat<T> = { readonly [N in keyof T]: T[N] };
