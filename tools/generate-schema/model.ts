/** What the generator knows about one group-version once Go and protobuf declarations are joined; the emitters write it out. */
import type { ValueRules } from '../../src/api/schema/schema.ts';

export type ModelType =
  | { readonly kind: 'scalar'; readonly scalar: string; readonly goType?: string; readonly enum?: string }
  | { readonly kind: 'special'; readonly form: string }
  | { readonly kind: 'message'; readonly file: string; readonly name: string }
  | { readonly kind: 'list'; readonly element: ModelType; readonly goType?: string; readonly wrapped?: boolean }
  | { readonly kind: 'map'; readonly value: ModelType; readonly goType?: string };

export interface ModelField {
  readonly name: string;
  readonly goName: string;
  readonly type: ModelType;
  readonly number?: number;
  readonly required: boolean;
  readonly pointer: boolean;
  readonly alwaysEncoded: boolean;
  readonly inline: boolean;
  readonly listType?: string;
  readonly listMapKeys?: readonly string[];
  readonly atomic?: boolean;
  readonly patchStrategy?: readonly string[];
  readonly patchMergeKey?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  readonly rules?: ValueRules;
}

export interface ModelMessage {
  readonly name: string;
  /** Its JSON form where that is not an object of its fields, which then describe protobuf alone. */
  readonly form?: 'json';
  readonly fields: readonly ModelField[];
}

export interface ModelEnum {
  readonly name: string;
  readonly values: readonly string[];
}

export interface GroupVersionModel {
  /** Where tables and types go: `apps-v1`. */
  readonly file: string;
  readonly group: string;
  readonly version: string;
  /** What type names begin with in OpenAPI: `io.k8s.api.apps.v1`. */
  readonly openapiPackage: string;
  readonly goPackage: string;
  /** What it was read from: a Debian package and its version, or a file of ours. */
  readonly origin: string;
  /** The kinds that the group registers. */
  readonly kinds: readonly string[];
  readonly messages: readonly ModelMessage[];
  readonly enums: readonly ModelEnum[];
}
