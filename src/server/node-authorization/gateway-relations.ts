/**
 * What the gateway of a node may read: the Secrets and ConfigMaps that Ingresses and Gateways of our classes name.
 *
 * ```
 *  Secret ◀── Ingress ──▶ IngressClass (ours?)          node ──▶ excluded? ──▶ nothing
 *  Secret, ConfigMap ◀── Gateway, ListenerSet ──▶ GatewayClass (ours?)
 *  ConfigMap ◀── BackendTLSPolicy
 * ```
 * One index leads back from what is named to who names it; all else (classes, grants, the node) is asked of the store when a node asks.
 *
 * Kept true: a node that runs no gateway reads none of them. It is told by the label that keeps it out of load balancing, which no node can take off
 * itself (NodeRestriction).
 */
import {
  backendPolicyReferences,
  gatewayController,
  gatewayReferences,
  isGranted,
  listenerSetReferences,
  type NamedReference,
} from '../../api/gateway-references.ts';
import { ingressSecretNames, isServedIngress } from '../../api/ingress-classes.ts';
import { excludedFromLoadBalancers } from '../../api/node-labels.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Node } from '../../api/schema/types/core-v1.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  ListenerSet,
  ReferenceGrant,
} from '../../api/schema/types/gateway-v1.ts';
import type { Ingress, IngressClass } from '../../api/schema/types/networking-v1.ts';
import type { Store, StoreEvent, StoreKey, StoreWatch } from '../../store/store.ts';

const group = 'gateway.networking.k8s.io';
const collections = {
  Ingress: 'ingresses.networking.k8s.io',
  Gateway: `gateways.${group}`,
  ListenerSet: `listenersets.${group}`,
  BackendTLSPolicy: `backendtlspolicies.${group}`,
} as const;

type Kind = keyof typeof collections;

const referencesOf: { readonly [K in Kind]: (object: KubeObject) => readonly NamedReference[] } = {
  Ingress: (object) => {
    const namespace = object.metadata?.namespace ?? '';
    return Array.from(ingressSecretNames(object as Ingress), (name) => ({ kind: 'Secret', namespace, name }) as const);
  },
  Gateway: (object) => gatewayReferences(object as Gateway),
  ListenerSet: (object) => listenerSetReferences(object as ListenerSet),
  BackendTLSPolicy: (object) => backendPolicyReferences(object as BackendTLSPolicy),
};

interface Referrer {
  readonly kind: Kind;
  readonly key: StoreKey;
}

export class GatewayRelations {
  readonly #store: Store;
  /** By what is named, then by who names it. */
  readonly #referrers = new Map<string, Map<string, Referrer>>();
  #watches: StoreWatch[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  start(): void {
    for (const kind of Object.keys(collections) as Kind[]) this.#follow(kind);
  }

  close(): void {
    for (const watch of this.#watches) watch.cancel();
    this.#watches = [];
    this.#referrers.clear();
  }

  leadsTo(node: string, kind: NamedReference['kind'], namespace: string, name: string): boolean {
    const wanted: NamedReference = { kind, namespace, name };
    const referrers = this.#referrers.get(textOf(wanted));
    if (referrers === undefined || !this.#runsGateway(node)) return false;
    for (const referrer of referrers.values()) if (this.#isServed(referrer, wanted)) return true;
    return false;
  }

  #runsGateway(name: string): boolean {
    const node = this.#find<Node>('nodes', name);
    return node !== undefined && node.metadata?.labels?.[excludedFromLoadBalancers] === undefined;
  }

  #isServed({ kind, key }: Referrer, wanted: NamedReference): boolean {
    const object = this.#store.get(key)?.object;
    if (object === undefined) return false;
    switch (kind) {
      case 'Ingress':
        return isServedIngress(object, (name) => this.#find<IngressClass>('ingressclasses.networking.k8s.io', name));
      case 'Gateway':
        return this.#isOurs(object as Gateway) && this.#mayName(kind, key, wanted);
      case 'ListenerSet': {
        const { parentRef } = (object as ListenerSet).spec;
        const namespace = parentRef.namespace || key.namespace;
        const parent = this.#find<Gateway>(collections.Gateway, parentRef.name, namespace);
        return parent !== undefined && this.#isOurs(parent) && this.#mayName(kind, key, wanted);
      }
      case 'BackendTLSPolicy':
        // It says how Services are spoken to, and belongs to no class.
        return this.#hasOurs() && this.#mayName(kind, key, wanted);
    }
  }

  #isOurs({ spec }: Gateway): boolean {
    return (
      this.#find<GatewayClass>(`gatewayclasses.${group}`, spec.gatewayClassName)?.spec.controllerName ===
      gatewayController
    );
  }

  #hasOurs(): boolean {
    return this.#store.list(collections.Gateway).entries.some(({ object }) => this.#isOurs(object as Gateway));
  }

  #mayName(kind: Kind, { namespace }: StoreKey, wanted: NamedReference): boolean {
    if (namespace === wanted.namespace) return true;
    const grants = this.#store.list(`referencegrants.${group}`).entries.map(({ object }) => object as ReferenceGrant);
    return isGranted(grants, { kind, namespace }, wanted);
  }

  #find<T>(collection: string, name: string, namespace = ''): T | undefined {
    return this.#store.get({ collection, namespace, name })?.object as T | undefined;
  }

  #follow(kind: Kind): void {
    const collection = collections[kind];
    const changed = ({ type, entry, previous }: Pick<StoreEvent, 'type' | 'entry' | 'previous'>): void => {
      const { key } = entry;
      for (const one of previous === undefined ? [] : referencesOf[kind](previous.object))
        this.#withdraw(one, kind, key);
      if (type === 'deleted') return;
      for (const one of referencesOf[kind](entry.object)) this.#note(one, kind, key);
    };
    const { entries, revision } = this.#store.list(collection);
    for (const entry of entries) changed({ type: 'added', entry });
    this.#watches.push(this.#store.watch({ collection, afterRevision: revision }, { event: changed }));
  }

  #note(reference: NamedReference, kind: Kind, key: StoreKey): void {
    const text = textOf(reference);
    const referrers = this.#referrers.get(text) ?? new Map<string, Referrer>();
    this.#referrers.set(text, referrers);
    referrers.set(referrerKey(kind, key), { kind, key });
  }

  #withdraw(reference: NamedReference, kind: Kind, key: StoreKey): void {
    const text = textOf(reference);
    const referrers = this.#referrers.get(text);
    referrers?.delete(referrerKey(kind, key));
    if (referrers?.size === 0) this.#referrers.delete(text);
  }
}

const textOf = ({ kind, namespace, name }: NamedReference): string => `${kind}/${namespace}/${name}`;
const referrerKey = (kind: Kind, { namespace, name }: StoreKey): string => `${kind}/${namespace}/${name}`;
