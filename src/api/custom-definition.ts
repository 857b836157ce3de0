/**
 * What the generic code has to know of a kind that a CustomResourceDefinition declares, beside its row in the resource table. One for each
 * served version; rows carry it (`ResourceInfo.definition`). Rows are made of definitions in `custom-rows.ts`.
 *
 * Everything costly is made when it is first asked for: with five hundred definitions, most kinds are never looked at.
 */

import type { MessageType } from './schema/schema.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
} from './schema/types/apiextensions-v1.ts';
import type { Structural } from './structural/structural.ts';

export interface CustomDefinition {
  /** As stored, frozen, whole with its schemas. Decoded at each look: whoever does not need these asks `outline`. */
  readonly crd: CustomResourceDefinition;
  /** The definition without the schemas of its versions: names, versions, conversion, status. */
  readonly outline: CustomResourceDefinition;
  /** Whole, with its schema. Decoded at each look. */
  readonly version: CustomResourceDefinitionVersion;
  /** Undefined: the version has no schema, or `preserveUnknownFields` holds for the whole of it. */
  readonly structural: Structural | undefined;
  /** For patches and server-side apply: fields, list types and keys. Takes any JSON: whether values fit, validation says. */
  readonly type: MessageType;
  readonly columns: readonly CustomResourceColumnDefinition[];
  /** JSON paths without the leading dot's meaning changed: `.spec.host`. */
  readonly selectableFields: readonly string[];
  readonly scale: CustomResourceSubresourceScale | undefined;
  /** It is being deleted, with all its objects: no new ones. */
  readonly isTerminating: boolean;
  /** What its clients are told, where the version is deprecated. */
  readonly deprecationWarning: string | undefined;
  /** The same for all versions of the definition. */
  readonly history: DefinitionHistory;
  /** Of any version, served or not. */
  structuralIn(version: string): Structural | undefined;
}

export interface DefinitionHistory {
  /**
   * Objects that were written at a later revision of the store are in the storage version, and in the form that its schema gives them; older
   * ones may be in another, hold fields that the schema does not know, and lack defaults that it has. Moved on by who writes by an older row.
   */
  since: number;
}
