/**
 * What an API type is, as data (ARCHITECTURE.md, D1).
 *
 * Every generic behaviour reads these objects: decoding and pruning, field validation, protobuf, strategic merge,
 * server-side apply, OpenAPI, defaulting of constants. The built-in ones are linked from `tables/` (made by
 * `tools/generate-schema`); CustomResourceDefinitions make the same objects at run time. No kind is special here.
 */

import type { Structural } from '../structural/structural.ts';

/** JSON forms that carry no structure of their own. */
export type Scalar = 'string' | 'boolean' | 'int32' | 'int64' | 'uint32' | 'uint64' | 'float' | 'double' | 'bytes';

/**
 * Types whose JSON form is not what their protobuf or Go declaration suggests:
 * `quantity` string or number; `int-or-string`; `time` and `micro-time` RFC 3339 strings; `duration` a Go duration string;
 * `raw-extension` any JSON object, kept as it is; `fields-v1` the set of a managedFields entry; `json` any JSON value.
 */
export type SpecialForm =
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'micro-time'
  | 'duration'
  | 'raw-extension'
  | 'fields-v1'
  | 'json';

/** `goType` is the Go type as Go prints it (`v1.Protocol`), where it has a name of its own: decoding errors carry it. */
export type Type =
  | { readonly kind: 'scalar'; readonly scalar: Scalar; readonly goType?: string }
  /**
   * `message` is there for the forms of JSONSchemaProps (`JSON`, `JSONSchemaPropsOrBool`, …): any JSON value in JSON, a
   * message in protobuf. Its `goName` tells them apart.
   */
  | { readonly kind: 'special'; readonly form: SpecialForm; readonly message?: MessageType }
  | { readonly kind: 'message'; readonly message: MessageType }
  /** `wrapped`: in protobuf not a repeated field but a message whose field 1 repeats the elements. */
  | { readonly kind: 'list'; readonly element: Type; readonly goType?: string; readonly wrapped?: boolean }
  /** Keys are always strings. */
  | { readonly kind: 'map'; readonly value: Type; readonly goType?: string };

/** How server-side apply merges a list (KEP-555): upstream's `+listType`. */
export type ListType = 'atomic' | 'set' | 'map';

/** How strategic merge treats a field: upstream's `patchStrategy` tag, split at the comma. */
export type PatchStrategy = 'merge' | 'replace' | 'retainKeys';

export interface Field {
  /** The JSON name. */
  readonly name: string;
  /** The Go name, which upstream's decoding errors carry. */
  readonly goName: string;
  /** The protobuf field number; absent where upstream has no protobuf form. */
  readonly number?: number;
  readonly type: Type;
  /** Upstream marks it neither `+optional` nor `omitempty`. */
  readonly required: boolean;
  /** The Go type is a pointer: an explicit zero value is kept, JSON null means absent. */
  readonly pointer: boolean;
  /**
   * Always present in JSON, also when empty: no `omitempty` in the Go tag, or one that does nothing because the field is a
   * struct. What upstream prints then: the zero value, `{}` for a struct, null for a nil list, map, pointer or time.
   */
  readonly alwaysEncoded: boolean;
  /** The Go struct embeds it: its fields stand in the parent's JSON object. `name` is then empty. */
  readonly inline: boolean;
  readonly listType?: ListType;
  /** For `listType: 'map'`: the JSON names of the keys. */
  readonly listMapKeys?: readonly string[];
  /** `+mapType=atomic` or `+structType=atomic` on the field or on its type; of a list, on the type of its elements. */
  readonly atomic?: boolean;
  readonly patchStrategy?: readonly PatchStrategy[];
  /** For strategic merge: the JSON name of the key. */
  readonly patchMergeKey?: string;
  /** The allowed strings, from the enum type's constants. */
  readonly enum?: readonly string[];
  /** From `+default=`: a JSON value. */
  readonly default?: unknown;
  readonly rules?: ValueRules;
}

/** What a value must be beside its type, in OpenAPI's keywords: of kinds that upstream declares by CustomResourceDefinitions. */
export interface ValueRules {
  /** In characters. */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** Of what is no text: for texts, see `Field.enum`; of elements also texts. */
  readonly enum?: readonly (string | number)[];
  /** Of a list's elements, and of a map's values. */
  readonly each?: ValueRules;
}

export interface MessageType {
  /** As in upstream's OpenAPI: `io.k8s.api.core.v1.Pod`. */
  readonly name: string;
  /** The Go name alone: `Pod`, which upstream's decoding errors carry. */
  readonly goName: string;
  /** The Go package's name, which stands before it where Go prints the type: `v1.PodSpec`. */
  readonly goPackage?: string;
  readonly fields: readonly Field[];
  /** By JSON name; the fields of inlined messages stand here too. */
  readonly fieldsByName: ReadonlyMap<string, Field>;
  /** By protobuf number; an inlined message stands here as itself. */
  readonly fieldsByNumber: ReadonlyMap<number, Field>;
  /**
   * Of a kind that a CustomResourceDefinition declares: what it holds beside the fields here. Undefined inside: anything. Such a value is
   * JSON as it is, without Go's rule on empty values.
   */
  readonly declared?: { readonly structural: Structural | undefined };
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Finds the type of a kind; CRDs add to one made from the built-in tables. */
export interface SchemaRegistry {
  /** The type of a top-level kind, or undefined where nobody serves it. */
  kind(gvk: GroupVersionKind): MessageType | undefined;
  /** A type by its OpenAPI name. */
  message(name: string): MessageType | undefined;
}
