/** For tests: a cluster that is a list of objects at one moment. */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Event, Node, Pod } from '../api/schema/types/core-v1.ts';
import type { Resource } from '../client/client.ts';
import { chainsOf } from './chains.ts';
import { newInquiry } from './explain.ts';
import type { Finding } from './finding.ts';
import type { Look, ServedResource } from './look.ts';

export const nowMs = Date.parse('2026-05-01T12:00:00Z');
export const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();

type Loose = { readonly [key: string]: unknown };
/** As in a manifest; a namespace and an age are given where none are. */
export type Written = Loose & { readonly apiVersion: string; readonly kind: string; readonly metadata: Loose };

export function object(written: Written): KubeObject {
  const { name } = written.metadata;
  const outside = new Set([
    'Node',
    'Namespace',
    'PersistentVolume',
    'StorageClass',
    'IngressClass',
    'GatewayClass',
    'CustomResourceDefinition',
    'APIService',
    'ValidatingWebhookConfiguration',
    'MutatingWebhookConfiguration',
  ]);
  const place = outside.has(written.kind) ? {} : { namespace: 'shop' };
  return {
    ...written,
    metadata: { ...place, uid: `${written.kind}-${String(name)}`, creationTimestamp: ago(300), ...written.metadata },
  };
}

export class SnapshotLook implements Look {
  readonly nowMs = nowMs;
  readonly unseen = new Set<string>();
  readonly #objects: readonly KubeObject[];
  readonly #logs: Readonly<Record<string, readonly string[]>>;

  constructor(objects: readonly KubeObject[], logs: Readonly<Record<string, readonly string[]>> = {}) {
    this.#objects = objects;
    this.#logs = logs;
  }

  get<T extends KubeObject>(resource: Resource<T>, { namespace, name }: ObjectReference): Promise<T | undefined> {
    const found = this.#of(resource).find(
      ({ metadata }) => metadata?.name === name && (metadata.namespace ?? '') === namespace,
    );
    return Promise.resolve(found as T | undefined);
  }

  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<readonly T[]> {
    const found = this.#of(resource).filter(
      ({ metadata }) => namespace === undefined || metadata?.namespace === namespace,
    );
    return Promise.resolve(found as readonly KubeObject[] as readonly T[]);
  }

  logs(pod: ObjectReference, container: string): Promise<readonly string[]> {
    return Promise.resolve(this.#logs[`${pod.name}/${container}`] ?? []);
  }

  /** Every kind that is in the snapshot is served. */
  resources(): Promise<readonly ServedResource[]> {
    const kinds = new Map(
      this.#objects.map(({ apiVersion = '', kind = '', metadata }) => {
        const [version = '', group = ''] = apiVersion.split('/').toReversed();
        const namespaced = metadata?.namespace !== undefined;
        return [
          `${group}/${kind}`,
          {
            group,
            version,
            kind,
            resource: `${kind.toLowerCase()}s`,
            namespaced,
            preferred: true,
            verbs: ['list', 'delete', 'update'],
          },
        ];
      }),
    );
    return Promise.resolve([...kinds.values()]);
  }

  #of({ group, kind }: Resource<KubeObject>): readonly KubeObject[] {
    return this.#objects.filter(
      (one) =>
        one.kind === kind && (one.apiVersion?.includes('/') === true ? one.apiVersion.split('/')[0] : '') === group,
    );
  }
}

/** What is said of the first of the objects. */
export function findingsOf(
  objects: readonly KubeObject[],
  logs: Readonly<Record<string, readonly string[]>> = {},
): Promise<readonly Finding[]> {
  return newInquiry(new SnapshotLook(objects, logs)).into(objects[0] as KubeObject);
}

/** The worst one, from the object to the cause: `PodsNotReady > NoRoom`, with the cause's words. */
export async function chainOf(
  objects: readonly KubeObject[],
  logs: Readonly<Record<string, readonly string[]>> = {},
): Promise<{ readonly codes: string; readonly what: string; readonly all: string }> {
  const findings = await findingsOf(objects, logs);
  const [first] = findings;
  const chain = first === undefined ? [] : (chainsOf(first)[0] ?? []);
  const texts = chain.flatMap(({ what, why, fix }) => [
    what,
    ...why,
    ...fix.map(({ say, run = '' }) => `${say} ${run}`),
  ]);
  return { codes: chain.map(({ code }) => code).join(' > '), what: chain.at(-1)?.what ?? '', all: texts.join('\n') };
}

export const make = {
  pod: (name: string, { status = {}, spec = {}, ...metadata }: Loose & { status?: Loose; spec?: Loose } = {}): Pod =>
    object({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: 'web' }, ...metadata },
      spec: { restartPolicy: 'Always', containers: [{ name: 'web', image: 'shop/web:1' }], ...spec },
      status: { phase: 'Pending', ...status },
    }),
  /** One that answers. */
  ready: (name: string, { spec = {}, ...metadata }: Loose & { spec?: Loose } = {}): Pod =>
    make.pod(name, {
      ...metadata,
      spec: { nodeName: 'n1', ...spec },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [status('web', { running: {} }, { ready: true })],
      },
    }),
  node: (
    name: string,
    {
      spec = {},
      labels = {},
      allocatable = { cpu: '2', memory: '4Gi', pods: '110' },
      ready = 'True',
    }: { spec?: Loose; labels?: Loose; allocatable?: Loose; ready?: string } = {},
  ): Node =>
    object({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
      spec,
      status: {
        allocatable,
        conditions: [{ type: 'Ready', status: ready, message: 'kubelet stopped posting', lastHeartbeatTime: ago(400) }],
        nodeInfo: { kubeletVersion: 'v1.36.0' },
      },
    }),
  event: (about: KubeObject, reason: string, message: string, type = 'Warning'): Event =>
    object({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${about.metadata?.name}.${reason}`, namespace: about.metadata?.namespace ?? 'default' },
      involvedObject: { kind: about.kind, name: about.metadata?.name, uid: about.metadata?.uid },
      type,
      reason,
      message,
      count: 3,
      lastTimestamp: ago(10),
    }) as Event,
  unschedulable: (message: string): Loose => ({
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
  }),
  waiting: (reason: string, message: string, more: Loose = {}): Loose => ({
    phase: 'Pending',
    containerStatuses: [status('web', { waiting: { reason, message } }, more)],
  }),
};

export const status = (name: string, state: Loose, more: Loose = {}): Loose => ({
  name,
  image: 'x',
  imageID: '',
  ready: false,
  restartCount: 0,
  state,
  ...more,
});

export const ownedBy = (owner: KubeObject): Loose => ({
  ownerReferences: [
    {
      apiVersion: owner.apiVersion,
      kind: owner.kind,
      name: owner.metadata?.name,
      uid: owner.metadata?.uid,
      controller: true,
      blockOwnerDeletion: true,
    },
  ],
});
