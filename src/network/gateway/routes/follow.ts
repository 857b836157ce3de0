/**
 * The Gateway API's objects as informers show them, on a node or with the control plane. Classes and Gateways are followed from the start; routes,
 * grants, policies and namespaces from the first Gateway of a class of ours on: a cluster without any pays for two empty lists.
 */
import type { KubeObject } from '../../../api/object.ts';
import type { Namespace } from '../../../api/schema/types/core-v1.ts';
import type {
  BackendTLSPolicy,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from '../../../api/schema/types/gateway-v1.ts';
import type { Resource } from '../../../client/client.ts';
import type { Informer, InformerSet } from '../../../client/informer.ts';
import {
  backendTlsPolicies,
  gatewayClasses,
  gateways,
  grpcRoutes,
  httpRoutes,
  listenerSets,
  namespaces,
  referenceGrants,
  tcpRoutes,
  tlsRoutes,
  udpRoutes,
} from '../../../client/resources.ts';
import { ourGateways } from './gateway-classes.ts';
import type { GatewayObjects } from './objects.ts';

/** What a change of an object must be to be told: not of its status, which is written by us. */
function meaningOf({ metadata }: KubeObject): string {
  return JSON.stringify([metadata?.uid, metadata?.generation, metadata?.labels, metadata?.deletionTimestamp]);
}

export class FollowedGateways {
  readonly #informers: InformerSet;
  readonly #changed: () => void;
  readonly #ends: (() => void)[] = [];
  readonly #classes;
  readonly #gateways;
  readonly #seesStatus: boolean;
  #isMade = false;
  #followsOthers = false;
  #others: Others | undefined;

  /** `seesStatus`: also changes of statuses are told. */
  constructor(informers: InformerSet, changed: () => void, seesStatus = false) {
    this.#informers = informers;
    this.#seesStatus = seesStatus;
    this.#changed = () => {
      if (this.#isMade) this.#followOthers();
      changed();
    };
    this.#classes = this.#follow(gatewayClasses);
    this.#gateways = this.#follow(gateways);
    // What others follow already is shown at once, before both are there.
    this.#isMade = true;
    this.#followOthers();
  }

  /** For a loop that begins when these are known. */
  get first(): readonly Informer<never>[] {
    return [this.#classes, this.#gateways] as unknown as Informer<never>[];
  }

  get isSynced(): boolean {
    const all = this.#others === undefined ? [] : Object.values(this.#others);
    return [this.#classes, this.#gateways, ...all].every(({ hasSynced }) => hasSynced);
  }

  /** There is a Gateway of a class of ours, or was one. */
  get isActive(): boolean {
    return this.#others !== undefined;
  }

  get hasGateways(): boolean {
    return this.#ours().length > 0;
  }

  objects(): GatewayObjects {
    const others = this.#others;
    const list = <T extends KubeObject>(informer: Informer<T> | undefined): readonly T[] =>
      informer?.cache.list() ?? [];
    return {
      classes: list(this.#classes),
      gateways: list(this.#gateways),
      listenerSets: list(others?.listenerSets),
      routes: {
        GRPCRoute: list(others?.grpcRoutes),
        HTTPRoute: list(others?.httpRoutes),
        TCPRoute: list(others?.tcpRoutes),
        TLSRoute: list(others?.tlsRoutes),
        UDPRoute: list(others?.udpRoutes),
      },
      grants: list(others?.grants),
      policies: list(others?.policies),
      namespace: (name) => others?.namespaces.cache.byKey(name),
    };
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #ours(): unknown[] {
    return ourGateways({ classes: this.#classes.cache.list(), gateways: this.#gateways.cache.list() });
  }

  #followOthers(): void {
    if (this.#followsOthers || this.#ours().length === 0) return;
    // Before they are followed: what is there already is shown while they are, and leads here again.
    this.#followsOthers = true;
    this.#others = {
      listenerSets: this.#follow(listenerSets),
      httpRoutes: this.#follow(httpRoutes),
      grpcRoutes: this.#follow(grpcRoutes),
      tlsRoutes: this.#follow(tlsRoutes),
      tcpRoutes: this.#follow(tcpRoutes),
      udpRoutes: this.#follow(udpRoutes),
      grants: this.#follow(referenceGrants),
      policies: this.#follow(backendTlsPolicies),
      namespaces: this.#follow(namespaces),
    };
  }

  #follow<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    const informer = this.#informers.informer(resource);
    const seen = (now: T, before: T): void => {
      if (this.#seesStatus || meaningOf(now) !== meaningOf(before)) this.#changed();
    };
    const changed = (): void => this.#changed();
    this.#ends.push(informer.addHandler({ added: changed, updated: seen, deleted: changed }));
    void informer.synced.then(changed, () => {});
    return informer;
  }
}

interface Others {
  readonly listenerSets: Informer<ListenerSet>;
  readonly httpRoutes: Informer<HTTPRoute>;
  readonly grpcRoutes: Informer<GRPCRoute>;
  readonly tlsRoutes: Informer<TLSRoute>;
  readonly tcpRoutes: Informer<TCPRoute>;
  readonly udpRoutes: Informer<UDPRoute>;
  readonly grants: Informer<ReferenceGrant>;
  readonly policies: Informer<BackendTLSPolicy>;
  readonly namespaces: Informer<Namespace>;
}
