/**
 * The type of a custom kind: what every object has, and beside it whatever its schema says. Generic code that goes by tables sees the fields
 * that all kinds share; what the rest holds, `declared` tells those who can ask (decoding, server-side apply).
 */
import { builtinSchema } from '../schema/load.ts';
import type { GroupVersionKind, MessageType } from '../schema/schema.ts';
import type { Structural } from './structural.ts';

/** `structural` undefined: any fields. */
export function messageTypeOf(
  { group, version, kind }: GroupVersionKind,
  structural: Structural | undefined,
): MessageType {
  return {
    name: [...group.split('.').reverse(), version, kind].join('.'),
    goName: kind,
    goPackage: version,
    ...objectFields(),
    fieldsByNumber: new Map(),
    declared: { structural },
  };
}

/** Fields that every object has, and that no schema can say otherwise. */
export const objectFieldNames: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

let shared: Pick<MessageType, 'fields' | 'fieldsByName'> | undefined;
let metadata: MessageType | undefined;

/** Those of any built-in kind are the same, but that upstream writes a custom resource by name. */
function objectFields(): Pick<MessageType, 'fields' | 'fieldsByName'> {
  if (shared === undefined) {
    const { fieldsByName } = found(builtinSchema().kind({ group: '', version: 'v1', kind: 'ConfigMap' }));
    const fields = [...objectFieldNames].flatMap((name) => fieldsByName.get(name) ?? []);
    shared = { fields, fieldsByName: new Map(fields.map((field) => [field.name, field])) };
  }
  return shared;
}

export function objectMetaType(): MessageType {
  metadata ??= found(builtinSchema().message('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'));
  return metadata;
}

function found(type: MessageType | undefined): MessageType {
  if (type === undefined) throw new Error('the tables are not those of the API: they lack ConfigMap or ObjectMeta');
  return type;
}
