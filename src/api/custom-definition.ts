/**
 * What the generic code has to know of a kind that a CustomResourceDefinition declares, beside its row in the resource table. One for each
 * served version; rows carry it (`ResourceInfo.definition`).
 *
 * Everything costly is made when it is first asked for: with five hundred definitions, most kinds are never looked at.
 */
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
} from './schema/types/apiextensions-v1.ts';
import type { MessageType } from './schema/schema.ts';
import type { Structural } from './structural/structural.ts';

export interface CustomDefinition {
  /** As stored, frozen. */
  readonly crd: CustomResourceDefinition;
  readonly version: CustomResourceDefinitionVersion;
  /** Undefined: the version has no schema, or `preserveUnknownFields` holds for the whole of it. */
  readonly structural: Structural | undefined;
  /** For patches and server-side apply: fields, list types and keys. Takes any JSON: whether values fit, validation says. */
  readonly type: MessageType;
  readonly columns: readonly CustomResourceColumnDefinition[];
  /** JSON paths without the leading dot's meaning changed: `.spec.host`. */
  readonly selectableFields: readonly string[];
  readonly scale: CustomResourceSubresourceScale | undefined;
}
