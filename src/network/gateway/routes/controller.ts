/**
 * The control loop of the Gateway API: once for the cluster it works out, from the same objects as the nodes and by the same functions, what is served,
 * and says so in the statuses of classes, Gateways, ListenerSets, routes and policies.
 *
 * ```
 *   anything changed ─▶ one key, after a short while ─▶ resolve ─▶ statuses that differ ─▶ written one by one
 * ```
 * A status that cannot be written because its object moved on is worked out anew; one that fails holds up no other.
 */
import type { KubeObject } from '../../../api/object.ts';
import type { Node } from '../../../api/schema/types/core-v1.ts';
import { hasReason } from '../../../api/status-error.ts';
import type { Resource } from '../../../client/client.ts';
import { ControlLoop, done, type Outcome } from '../../../client/controller.ts';
import type { Informer } from '../../../client/informer.ts';
import type { NamedState } from '../../../client/named-objects.ts';
import {
  backendTlsPolicies,
  gatewayClasses,
  gateways,
  grpcRoutes,
  httpRoutes,
  listenerSets,
  nodes,
  services,
  tcpRoutes,
  tlsRoutes,
  udpRoutes,
} from '../../../client/resources.ts';
import { contextFor, type LoopContext } from '../../../controllers/shared/context.ts';
import type { Service } from '../../../lib/service.ts';
import type { NetworkLoopContext } from '../../loops.ts';
import { addressesOf, gatewayAddresses, runsGateway } from '../addresses.ts';
import { NamedReadings } from '../secrets.ts';
import { FollowedGateways } from './follow.ts';
import { resolve } from './resolve.ts';
import { decideStatuses, type StatusUpdate } from './status.ts';

const account = 'gateway-controller';
const key = 'statuses';
/** Several changes in a row are looked at once. */
const settleMs = 200;

const resourcesByKind: Readonly<Record<StatusUpdate['kind'], Resource<KubeObject>>> = {
  BackendTLSPolicy: backendTlsPolicies,
  Gateway: gateways,
  GatewayClass: gatewayClasses,
  GRPCRoute: grpcRoutes,
  HTTPRoute: httpRoutes,
  ListenerSet: listenerSets,
  TCPRoute: tcpRoutes,
  TLSRoute: tlsRoutes,
  UDPRoute: udpRoutes,
};

export function gatewayController(context: NetworkLoopContext): Service[] {
  return [new GatewayController(contextFor(context, account)).loop];
}

class GatewayController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #followed: FollowedGateways;
  readonly #nodes: Informer<Node>;
  readonly #readings = new NamedReadings((resource, reference) => this.#named(resource, reference));
  /** Of what Gateways may name: followed from the first Gateway on. */
  readonly #onDemand = new Map<string, Informer<KubeObject>>();
  #hasPending = false;

  constructor(context: LoopContext) {
    this.#context = context;
    const look = (): void => this.loop.queue.addAfter(key, settleMs);
    this.#nodes = context.informers.informer(nodes);
    this.#followed = new FollowedGateways(context.informers, () => this.loop?.queue.addAfter(key, settleMs), true);
    const informers = [...this.#followed.first, this.#nodes];
    this.loop = new ControlLoop({ ...context, name: account, informers, reconcile: () => this.#reconcile() });
    const textOf = (node: Node): string => JSON.stringify([runsGateway(node), node.status?.addresses]);
    this.#nodes.addHandler({
      added: look,
      updated: (now, before) => {
        if (textOf(now) !== textOf(before)) look();
      },
      deleted: look,
    });
    look();
  }

  async #reconcile(): Promise<Outcome> {
    if (!this.#followed.isSynced) return done;
    const { clock } = this.#context;
    const objects = this.#followed.objects();
    this.#hasPending = false;
    const find = (reference: { namespace: string; name: string }) => {
      const state = this.#named(services, reference);
      return state.kind === 'found' ? state.object : undefined;
    };
    const resolved = resolve(objects, { services: { find }, named: this.#readings });
    // The informer tells when it knows.
    if (this.#hasPending) return done;
    const ready = this.#nodes.cache.list().filter(runsGateway);
    const updates = decideStatuses(objects, resolved, {
      now: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      addresses: gatewayAddresses(ready),
      nodeAddresses: new Set(
        ready.flatMap((node) => [...addressesOf(node, 'InternalIP'), ...addressesOf(node, 'ExternalIP')]),
      ),
    });
    const failures: unknown[] = [];
    for (const update of updates) await this.#write(update).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
    return done;
  }

  /** With its resourceVersion: what others wrote meanwhile is not written over. */
  async #write({ kind, object, status }: StatusUpdate): Promise<void> {
    const changed = { ...object, status } as KubeObject;
    try {
      await this.#context.client.update(resourcesByKind[kind], changed, { subresource: 'status' });
    } catch (error) {
      // It is gone, or changed: the informer tells, and it is looked at again.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  #named<T extends KubeObject>(resource: Resource<T>, reference: { namespace: string; name: string }): NamedState<T> {
    const informer = this.#informerOf(resource);
    if (!informer.hasSynced) {
      this.#hasPending = true;
      return { kind: 'pending' };
    }
    const object = informer.cache.get(reference);
    return object === undefined ? { kind: 'missing' } : { kind: 'found', object };
  }

  #informerOf<T extends KubeObject>(resource: Resource<T>): Informer<T> {
    let informer = this.#onDemand.get(resource.resource);
    if (informer === undefined) {
      const look = (): void => this.loop.queue.addAfter(key, settleMs);
      informer = this.#context.informers.informer(resource) as unknown as Informer<KubeObject>;
      informer.addHandler({ added: look, updated: look, deleted: look });
      void informer.synced.then(look, () => {});
      this.#onDemand.set(resource.resource, informer);
    }
    return informer as unknown as Informer<T>;
  }
}
