/**
 * What is read of a stored CustomResourceDefinition while nobody needs its schemas, which make nearly all of it (350 KB of the largest
 * in use): the rest, cut out of the stored JSON. Five hundred are read so in a fraction of the time and the memory that decoding takes.
 *
 * Kept true: a stored definition stands in the order of its table: within a version, `schema` is one field. The mark that begins it cannot stand
 * within a text, where quotes are escaped, and what stands within a schema is passed over as a whole.
 */
import { createHash } from 'node:crypto';
import type { DefinitionSource } from '../../api/custom-rows.ts';
import type { CustomResourceDefinition } from '../../api/schema/types/apiextensions-v1.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import { endOfObject } from '../../lib/json-span.ts';
import type { Entry } from '../../store/store.ts';
import { approvalKey } from './approval.ts';

export const definitionCollection = 'customresourcedefinitions.apiextensions.k8s.io';

const mark = Buffer.from('"schema":{"openAPIV3Schema":');
const emptySchema = Buffer.from('"schema":{}');
/** How much of the mark belongs to the schema itself. */
const openingAt = '"schema":'.length;

interface Cut {
  readonly outline: CustomResourceDefinition;
  /** Of the versions that have one, in their order. */
  readonly schemas: readonly Uint8Array[];
}

function cut(json: Buffer): Cut {
  const schemas: Uint8Array[] = [];
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (let at = json.indexOf(mark); at >= 0; at = json.indexOf(mark, from)) {
    const end = endOfObject(json, at + openingAt);
    pieces.push(json.subarray(from, at), emptySchema);
    schemas.push(json.subarray(at + openingAt, end));
    from = end;
  }
  pieces.push(json.subarray(from));
  const { metadata, ...rest } = JSON.parse(Buffer.concat(pieces).toString()) as CustomResourceDefinition;
  const { managedFields: _entries, annotations, ...identity } = metadata ?? {};
  const approval = annotations?.[approvalKey];
  const kept = { ...identity, ...(approval !== undefined && { annotations: { [approvalKey]: approval } }) };
  return { outline: deepFreeze({ ...rest, metadata: kept }), schemas };
}

const sources = new WeakMap<Entry, DefinitionSource>();

/** Made once for an entry. @throws UnreadableObject */
export function definitionSource(entry: Entry): DefinitionSource {
  let source = sources.get(entry);
  if (source === undefined) sources.set(entry, (source = makeSource(entry)));
  return source;
}

function makeSource(entry: Entry): DefinitionSource {
  const { outline } = cut(entry.json());
  const withSchema = outline.spec.versions.filter(({ schema }) => schema !== undefined).map(({ name }) => name);
  let digests: readonly Buffer[] | undefined;
  return {
    outline,
    revision: entry.revision,
    // Not `entry.object`, which would stay in memory.
    whole: () => deepFreeze(JSON.parse(entry.json().toString()) as CustomResourceDefinition),
    schemaDigest: (version) => {
      // The schemas themselves would keep all of the JSON in memory.
      digests ??= cut(entry.json()).schemas.map((schema) => createHash('sha256').update(schema).digest());
      return digests[withSchema.indexOf(version)];
    },
  };
}
