/**
 * A kind of one's own, declared once: `defineKind` gives the TypeScript type of its objects, the resource that clients and informers take,
 * and the CustomResourceDefinition that the cluster wants (`definitionOf`).
 *
 * ```ts
 * const websites = defineKind({
 *   group: 'example.com', version: 'v1', kind: 'Website',
 *   spec: { type: 'object', required: ['host'], properties: { host: { type: 'string' }, replicas: { type: 'integer', default: 1 } } },
 * });
 * type Website = ObjectOf<typeof websites>;
 * ```
 * A kind with several versions is defined once for each; `definitionOf` puts them together.
 */
import type { KubeObject } from '../api/object.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  JSONSchemaProps,
} from '../api/schema/types/apiextensions-v1.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { stringifyYaml } from '../api/yaml.ts';
import type { Resource } from '../client/client.ts';
import type { FromSchema, Rule, Schema } from './schema-type.ts';

export interface KindOptions<Spec extends Schema, Status extends Schema> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** `websites`; the kind in lower case with an `s` where absent. */
  readonly plural?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** `Namespaced` where absent. */
  readonly scope?: 'Namespaced' | 'Cluster';
  readonly description?: string;
  readonly spec: Spec;
  /** With it, `/status` is a resource of its own, and users cannot write what it says. */
  readonly status?: Status;
  /** For the whole object: what holds between its parts. */
  readonly rules?: readonly Rule[];
  readonly columns?: readonly CustomResourceColumnDefinition[];
  readonly scale?: CustomResourceSubresourceScale;
  /** JSON paths that field selectors may name: `.spec.host`. */
  readonly selectableFields?: readonly string[];
  /** False: objects of this version may still be stored, and no client gets it. True where absent. */
  readonly served?: boolean;
  /** Clients are warned when they use this version. */
  readonly deprecationWarning?: string;
}

export interface CustomObject<Spec, Status> extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

export interface Kind<Spec = unknown, Status = unknown> extends Resource<CustomObject<Spec, Status>> {
  readonly options: KindOptions<Schema, Schema>;
}

export type ObjectOf<K> = K extends Resource<infer T> ? T : never;

export function defineKind<const Spec extends Schema, const Status extends Schema = { readonly type: 'object' }>(
  options: KindOptions<Spec, Status>,
): Kind<FromSchema<Spec>, FromSchema<Status>> {
  const { group, version, kind, plural = `${kind.toLowerCase()}s`, scope = 'Namespaced' } = options;
  return { group, version, kind, resource: plural, namespaced: scope === 'Namespaced', options };
}

/** Where the versions of a kind are turned into each other: the webhook server of this kit, or another. */
export type Conversion = CustomResourceConversion;

/**
 * The CustomResourceDefinition of a kind; the first of several versions is the one that is stored.
 * @throws Error where the versions are not of one kind and scope, or one is there twice
 */
export function definitionOf(
  kinds: Kind | readonly [Kind, ...Kind[]],
  conversion?: Conversion,
): CustomResourceDefinition {
  const versions: readonly Kind[] = 'group' in kinds ? [kinds] : kinds;
  const [stored] = versions;
  if (stored === undefined) throw new Error('a CustomResourceDefinition needs at least one version');
  const { group, kind, resource, options } = stored;
  for (const [index, each] of versions.entries()) {
    if (each.group !== group || each.kind !== kind || each.resource !== resource) {
      throw new Error(`${each.kind} of ${each.group} is not a version of ${kind} of ${group}`);
    }
    if (each.namespaced !== stored.namespaced)
      throw new Error(`the versions of ${kind} of ${group} differ in their scope`);
    if (versions.findIndex(({ version }) => version === each.version) !== index) {
      throw new Error(`${kind} of ${group} has version ${each.version} twice`);
    }
  }
  const { shortNames, categories, scope = 'Namespaced' } = options;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource}.${group}` },
    spec: {
      group,
      scope,
      names: {
        kind,
        plural: resource,
        singular: kind.toLowerCase(),
        listKind: `${kind}List`,
        ...(shortNames && { shortNames }),
        ...(categories && { categories }),
      },
      versions: versions.map((each) => versionOf(each, each === stored)),
      ...(conversion && { conversion }),
    },
  };
}

/** Definitions (and whatever else is to be applied) as YAML, for `kubectl apply --server-side -f -`. */
export const yamlOf = (...objects: readonly KubeObject[]): string =>
  objects.map((object) => `---\n${stringifyYaml(object)}`).join('');

function versionOf({ version, options }: Kind, storage: boolean): CustomResourceDefinitionVersion {
  const { columns, scale, status, selectableFields, deprecationWarning, served = true } = options;
  const subresources = { ...(status && { status: {} }), ...(scale && { scale }) };
  return {
    name: version,
    served,
    storage,
    schema: { openAPIV3Schema: schemaOf(options) },
    ...(Object.keys(subresources).length > 0 && { subresources }),
    ...(columns && { additionalPrinterColumns: columns }),
    ...(selectableFields && { selectableFields: selectableFields.map((jsonPath) => ({ jsonPath })) }),
    ...(deprecationWarning !== undefined && { deprecated: true, deprecationWarning }),
  };
}

function schemaOf({ description, spec, status, rules }: KindOptions<Schema, Schema>): JSONSchemaProps {
  const schema = {
    type: 'object',
    ...(description !== undefined && { description }),
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      ...(status && { status }),
    },
    ...(rules && { 'x-kubernetes-validations': rules }),
  };
  return schema;
}
