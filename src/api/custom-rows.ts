/**
 * A CustomResourceDefinition → rows of the resource table, one for each served version: pure, but for what is made when first asked for.
 *
 * Kept true: a row stays the same object while all that it is made of stays the same, so that what is kept by rows is kept; and of a row that
 * changes, what its schema alone decides (the structural form, the type) is handed on where the schema is the same.
 */
import type { CustomDefinition, DefinitionHistory } from './custom-definition.ts';
import { compareVersions } from './resource-table.ts';
import type { ResourceInfo, SubresourceInfo, Verb } from './resources.ts';
import type { GroupVersionKind, MessageType } from './schema/schema.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  JSONSchemaProps,
} from './schema/types/apiextensions-v1.ts';
import { messageTypeOf } from './structural/message-type.ts';
import type { Structural } from './structural/structural.ts';
import { structuralOf } from './structural/structural-of.ts';

/** A stored definition, of which the schemas are the large part: read when somebody asks. */
export interface DefinitionSource {
  /** Without the schemas of its versions. */
  readonly outline: CustomResourceDefinition;
  /** The revision at which it was written. */
  readonly revision: number;
  /** Decodes the whole, each time. */
  whole(): CustomResourceDefinition;
  /** Tells the schemas of a version apart without decoding them. By name; undefined: it has none. */
  schemaDigest(version: string): Uint8Array | undefined;
}

const verbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const subresourceVerbs: readonly Verb[] = ['get', 'patch', 'update'];
const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const;

export type CustomRow = ResourceInfo & { readonly definition: CustomDefinition };

/** `before` are the rows of the definition that this one replaces; the same ones come back where nothing that rows show has changed. */
export function customRows(source: DefinitionSource, before: readonly CustomRow[] = []): readonly CustomRow[] {
  const { outline } = source;
  if (!isServed(outline)) return [];
  const known = before[0] && definitionIn(before[0]).whole;
  const signature = signatureOf(source);
  if (known?.signature === signature && known.hasSchemasOf(source)) {
    known.renew(source);
    return before;
  }
  const whole = new WholeDefinition(source, signature, known);
  return outline.spec.versions
    .filter(({ served }) => served)
    .toSorted((left, right) => compareVersions(left.name, right.name))
    .map((version) => rowOf(whole, version));
}

const definitionIn = (row: CustomRow): LazyDefinition => row.definition as LazyDefinition;

/** Once established, it stays so, whatever becomes of other names. */
function isServed({ status }: CustomResourceDefinition): boolean {
  return hasCondition(status, 'Established') && (status?.acceptedNames?.kind ?? '') !== '';
}

export function hasCondition(status: CustomResourceDefinition['status'], type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/** All that rows and their definitions show but the schemas, as a text. */
function signatureOf({ outline }: DefinitionSource): string {
  const { metadata, spec, status } = outline;
  const { acceptedNames, storedVersions } = status ?? {};
  return JSON.stringify([metadata?.uid, spec, acceptedNames, storedVersions, hasCondition(status, 'Terminating')]);
}

function sameSchema(left: DefinitionSource, right: DefinitionSource, version: string): boolean {
  const [a, b] = [left.schemaDigest(version), right.schemaDigest(version)];
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a, b) === 0;
}

function rowOf(whole: WholeDefinition, version: CustomResourceDefinitionVersion): CustomRow {
  const { spec, status } = whole.outline;
  const { kind, plural, singular = kind.toLowerCase(), shortNames = [], categories = [] } = namesOf(spec, status);
  return {
    group: spec.group,
    version: version.name,
    kind,
    resource: plural,
    singular,
    shortNames,
    categories,
    namespaced: spec.scope === 'Namespaced',
    verbs,
    subresources: subresourcesOf(version),
    storageVersion: storageVersionOf(spec),
    custom: true,
    definition: new LazyDefinition(whole, version),
  };
}

/** Those that were accepted. */
function namesOf(
  { names }: CustomResourceDefinitionSpec,
  status: CustomResourceDefinition['status'],
): CustomResourceDefinitionNames {
  return status?.acceptedNames ?? names;
}

function storageVersionOf({ versions }: CustomResourceDefinitionSpec): string {
  return versions.find(({ storage }) => storage)?.name ?? '';
}

function subresourcesOf({ subresources }: CustomResourceDefinitionVersion): readonly SubresourceInfo[] {
  return [
    ...(subresources?.status ? [{ name: 'status', verbs: subresourceVerbs }] : []),
    ...(subresources?.scale ? [{ name: 'scale', verbs: subresourceVerbs, kind: scaleKind }] : []),
  ];
}

/** What a kind and a schema alone decide: handed on from definition to definition while both stay the same. */
class SchemaParts {
  /** Of group, version and kind, and whether the schema counts at all. */
  readonly key: string;
  readonly #kind: GroupVersionKind;
  readonly #preserves: boolean;
  #structural: { readonly made: Structural | undefined } | undefined;
  #type: MessageType | undefined;

  constructor(kind: GroupVersionKind, preserves: boolean) {
    this.#kind = kind;
    this.#preserves = preserves;
    this.key = JSON.stringify([kind, preserves]);
  }

  structural(read: () => CustomResourceDefinitionVersion | undefined): Structural | undefined {
    this.#structural ??= { made: this.#preserves ? undefined : structuralFrom(read()?.schema?.openAPIV3Schema) };
    return this.#structural.made;
  }

  type(read: () => CustomResourceDefinitionVersion | undefined): MessageType {
    this.#type ??= messageTypeOf(this.#kind, this.structural(read));
    return this.#type;
  }
}

const storedText = ({ spec, status }: CustomResourceDefinition): string =>
  JSON.stringify([storageVersionOf(spec), status?.storedVersions]);

const structuralFrom = (schema: JSONSchemaProps | undefined): Structural | undefined => schema && structuralOf(schema);

/** All versions together. */
class WholeDefinition {
  readonly outline: CustomResourceDefinition;
  readonly signature: string;
  readonly history: DefinitionHistory;
  readonly #parts: ReadonlyMap<string, SchemaParts>;
  #source: DefinitionSource;

  constructor(source: DefinitionSource, signature: string, before: WholeDefinition | undefined) {
    const { outline } = source;
    this.outline = outline;
    this.signature = signature;
    this.#source = source;
    const { spec, status } = outline;
    const { kind } = namesOf(spec, status);
    const named = spec.versions.map(({ name }) => {
      const made = new SchemaParts({ group: spec.group, version: name, kind }, spec.preserveUnknownFields ?? false);
      return [name, before?.handOn(name, made.key, source) ?? made] as const;
    });
    this.#parts = new Map(named);
    this.history = before?.storesAs(this) ? before.history : { since: source.revision };
  }

  handOn(version: string, key: string, source: DefinitionSource): SchemaParts | undefined {
    const parts = this.#parts.get(version);
    return parts?.key === key && sameSchema(this.#source, source, version) ? parts : undefined;
  }

  /** Objects that stand there need not be looked at anew: no schema is new, and none may be in another version than before. */
  storesAs(next: WholeDefinition): boolean {
    const sameParts = [...next.#parts].every(([name, parts]) => this.#parts.get(name) === parts);
    return sameParts && storedText(this.outline) === storedText(next.outline);
  }

  hasSchemasOf(source: DefinitionSource): boolean {
    return source.outline.spec.versions.every(({ name }) => sameSchema(this.#source, source, name));
  }

  /** `source` says the same: the older one is let go, with all its bytes. */
  renew(source: DefinitionSource): void {
    this.#source = source;
  }

  get crd(): CustomResourceDefinition {
    return this.#source.whole();
  }

  version(name: string): CustomResourceDefinitionVersion | undefined {
    return this.crd.spec.versions.find((version) => version.name === name);
  }

  structuralIn(version: string): Structural | undefined {
    return this.#parts.get(version)?.structural(() => this.version(version));
  }

  typeIn(version: string): MessageType {
    const parts = this.#parts.get(version);
    if (parts === undefined) throw new Error(`${this.outline.metadata?.name} has no version ${version}`);
    return parts.type(() => this.version(version));
  }
}

class LazyDefinition implements CustomDefinition {
  readonly whole: WholeDefinition;
  readonly columns: readonly CustomResourceColumnDefinition[];
  readonly selectableFields: readonly string[];
  readonly scale: CustomResourceSubresourceScale | undefined;
  readonly isTerminating: boolean;
  readonly deprecationWarning: string | undefined;
  readonly #name: string;

  constructor(whole: WholeDefinition, version: CustomResourceDefinitionVersion) {
    this.whole = whole;
    this.#name = version.name;
    this.columns = version.additionalPrinterColumns ?? noColumns;
    this.selectableFields = (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath);
    this.scale = version.subresources?.scale;
    this.isTerminating = hasCondition(whole.outline.status, 'Terminating');
    this.deprecationWarning = deprecationOf(whole.outline, version);
  }

  get outline(): CustomResourceDefinition {
    return this.whole.outline;
  }

  get history(): DefinitionHistory {
    return this.whole.history;
  }

  get crd(): CustomResourceDefinition {
    return this.whole.crd;
  }

  get version(): CustomResourceDefinitionVersion {
    const found = this.whole.version(this.#name);
    if (found === undefined) throw new Error(`version ${this.#name} of ${this.outline.metadata?.name} is gone`);
    return found;
  }

  get structural(): Structural | undefined {
    return this.structuralIn(this.#name);
  }

  get type(): MessageType {
    return this.whole.typeIn(this.#name);
  }

  structuralIn(version: string): Structural | undefined {
    return this.whole.structuralIn(version);
  }
}

/** One list: printers are kept by it. */
const noColumns: readonly CustomResourceColumnDefinition[] = [];

/** In upstream's words; the best version to use instead is the most stable one that is served and not deprecated. */
function deprecationOf(
  { spec }: CustomResourceDefinition,
  { name, deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
): string | undefined {
  if (!deprecated) return undefined;
  if (deprecationWarning !== undefined) return deprecationWarning;
  const { group, names, versions } = spec;
  const said = `${group}/${name} ${names.kind} is deprecated`;
  const better = versions
    .filter((version) => !version.deprecated && version.served && compareVersions(version.name, name) < 0)
    .map((version) => version.name)
    .toSorted(compareVersions)[0];
  return better === undefined ? said : `${said}; use ${group}/${better} ${names.kind}`;
}
