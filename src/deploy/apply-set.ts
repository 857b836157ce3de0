/**
 * Which objects belong to an application, remembered in the cluster: an ApplySet (KEP-3659). A ConfigMap is its parent and says which kinds and
 * namespaces its members are of; each member carries the set's id as a label. So what a deployment has no more is found by its label, also
 * by other tools (`kubectl apply --prune --applyset configmaps/NAME`).
 */
import { createHash } from 'node:crypto';
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { configMaps } from '../client/resources.ts';
import { fieldManager, partOfLabel } from './apply-object.ts';
import { forDeletion } from './order.ts';
import { type Cluster, type Deployed, inParallel, type ServedResource, shownName } from './target.ts';

export const idLabel = 'applyset.kubernetes.io/id';
const toolingAnnotation = 'applyset.kubernetes.io/tooling';
const kindsAnnotation = 'applyset.kubernetes.io/contains-group-kinds';
const namespacesAnnotation = 'applyset.kubernetes.io/additional-namespaces';

/** These hold data, or everything else: people remove them by hand. */
const keptKinds: ReadonlySet<string> = new Set([
  'Namespace',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'CustomResourceDefinition',
]);

/** The kinds and namespaces of a set's members. */
export interface Extent {
  /** `Deployment.apps`, `ConfigMap`; sorted. */
  readonly kinds: readonly string[];
  /** Without the parent's own; sorted. */
  readonly namespaces: readonly string[];
}

export class ApplySet {
  readonly parent: ObjectReference;
  readonly id: string;
  readonly #client: Client;
  #recorded: Extent | undefined;

  /** @param name the application's */
  constructor({ client, namespace }: Cluster, name: string) {
    this.#client = client;
    this.parent = { namespace, name: parentName(name) };
    this.id = setId(this.parent);
  }

  /** What it held at the last deployment; undefined where there was none. */
  async open(): Promise<Extent | undefined> {
    try {
      const { metadata } = await this.#client.get(configMaps, this.parent);
      if (metadata?.labels?.[idLabel] !== this.id) return undefined;
      const { annotations = {} } = metadata;
      this.#recorded = {
        kinds: listed(annotations[kindsAnnotation]),
        namespaces: listed(annotations[namespacesAnnotation]),
      };
      return this.#recorded;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Before such members are written: they are found also where this deployment breaks off. */
  async include(extent: Extent): Promise<void> {
    await this.settle(union(extent, this.#recorded));
  }

  /** It holds these, and no others. */
  async settle(extent: Extent): Promise<void> {
    if (sameExtent(extent, this.#recorded)) return;
    const parent: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        ...this.parent,
        labels: { [idLabel]: this.id },
        annotations: {
          [toolingAnnotation]: 'naru/v1',
          [kindsAnnotation]: extent.kinds.join(','),
          [namespacesAnnotation]: extent.namespaces.join(','),
        },
      },
    };
    await this.#client.patch(configMaps, this.parent, { type: 'apply', body: parent, force: true }, { fieldManager });
    this.#recorded = extent;
  }

  /** The object with the label of a member. */
  member(object: KubeObject): KubeObject {
    const { metadata } = object;
    return { ...object, metadata: { ...metadata, labels: { ...metadata?.labels, [partOfLabel]: this.id } } };
  }

  /** Members of the cluster that are not among these. */
  async leftOver(
    extent: Extent,
    resources: readonly ServedResource[],
    deployed: readonly Deployed[],
  ): Promise<LeftOver[]> {
    const isWanted = new Set(deployed.map((one) => memberKey(one.resource, one.reference)));
    const places = resources
      .filter(({ kind }) => !keptKinds.has(kind))
      .flatMap((resource) =>
        (resource.namespaced ? [this.parent.namespace, ...extent.namespaces] : ['']).map((namespace) => ({
          resource,
          namespace,
        })),
      );
    const found = await inParallel(places, async ({ resource, namespace }) => {
      const query = { labelSelector: `${partOfLabel}=${this.id}`, ...(namespace !== '' && { namespace }) };
      const { items } = await this.#client.list(resource, query);
      return items.map((object) => leftOverOf(resource, object));
    });
    return forDeletion(found.flat().filter((one) => !isWanted.has(memberKey(one.resource, one.reference))));
  }

  async remove({ resource, reference, uid }: LeftOver): Promise<void> {
    try {
      await this.#client.delete(resource, reference, { propagationPolicy: 'Background', uid });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }
}

export interface LeftOver {
  readonly resource: ServedResource;
  readonly reference: ObjectReference;
  readonly kind: string;
  readonly uid: string;
  readonly name: string;
}

function leftOverOf(resource: ServedResource, { metadata }: KubeObject): LeftOver {
  const reference = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
  return {
    resource,
    reference,
    kind: resource.kind,
    uid: metadata?.uid ?? '',
    name: shownName({ resource, reference }),
  };
}

const memberKey = ({ group, kind }: Resource<KubeObject>, { namespace, name }: ObjectReference): string =>
  `${kind}.${group} ${namespace}/${name}`;

/** @see https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/3659-kubectl-apply-prune for how the id is made */
function setId({ name, namespace }: ObjectReference): string {
  const digest = createHash('sha256').update(`${name}.${namespace}.ConfigMap.`).digest('base64url');
  return `applyset-${digest}-v1`;
}

const nameLengthMax = 200;

const parentName = (name: string): string =>
  `naru-${name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, nameLengthMax)}`;

/** `Deployment.apps` */
export const groupKind = ({ group, kind }: { readonly group: string; readonly kind: string }): string =>
  group === '' ? kind : `${kind}.${group}`;

export function extentOf(deployed: readonly Deployed[], home: string): Extent {
  const kinds = new Set(deployed.map(({ resource }) => groupKind(resource)));
  const namespaces = new Set(deployed.map(({ reference }) => reference.namespace));
  return {
    kinds: [...kinds].toSorted(),
    namespaces: [...namespaces].filter((name) => name !== '' && name !== home).toSorted(),
  };
}

function union(a: Extent, b: Extent | undefined): Extent {
  if (b === undefined) return a;
  const both = (x: readonly string[], y: readonly string[]): string[] => [...new Set([...x, ...y])].toSorted();
  return { kinds: both(a.kinds, b.kinds), namespaces: both(a.namespaces, b.namespaces) };
}

const sameExtent = (a: Extent, b: Extent | undefined): boolean =>
  b !== undefined && a.kinds.join() === b.kinds.join() && a.namespaces.join() === b.namespaces.join();

const listed = (text: string | undefined): string[] => (text ?? '').split(',').filter((part) => part !== '');
