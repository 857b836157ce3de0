/**
 * The objects that names come from, followed by informers from the first zone on that wants them: a cluster without zones follows nothing here.
 *
 * Kept true: as long as one list is not complete there are no wishes at all. From half of them, names of the other half would be deleted.
 */
import { type KubeObject, objectKey, parseObjectKey } from '../../api/object.ts';
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import type { Informer, InformerSet } from '../../client/informer.ts';
import { endpointSlices, ingresses, nodes, services } from '../../client/resources.ts';
import { addressesOf, runsGateway } from '../gateway/addresses.ts';
import { FollowedGateways } from '../gateway/routes/follow.ts';
import { sliceService } from '../load-balancer/endpoint-nodes.ts';
import type { Wish } from './annotations.ts';
import { ingressWishes, routeWishes } from './gateway-names.ts';
import { asksForNames, followsPods, serviceWishes } from './service-names.ts';
import type { SourceKind } from './settings.ts';

const byService = 'service';

interface FollowedServices {
  readonly services: Informer<Service>;
  readonly nodes: Informer<Node>;
  readonly slices: Informer<EndpointSlice>;
}

export class NameSources {
  readonly #informers: InformerSet;
  readonly #changed: () => void;
  readonly #wishes = new Map<SourceKind, readonly Wish[]>();
  #services: FollowedServices | undefined;
  #ingresses: Informer<Ingress> | undefined;
  #gateways: FollowedGateways | undefined;

  /** @param changed something that names may depend on, or a list is complete */
  constructor(informers: InformerSet, changed: () => void) {
    this.#informers = informers;
    this.#changed = changed;
  }

  /** Each once; what was followed stays so. */
  follow(kinds: readonly SourceKind[]): void {
    if (kinds.includes('service')) this.#services ??= this.#followServices();
    if (kinds.includes('ingress') && this.#ingresses === undefined) {
      this.#ingresses = this.#informers.informer(ingresses);
      this.#onAny('ingress', this.#ingresses);
    }
    if (kinds.includes('gateway')) {
      this.#gateways ??= new FollowedGateways(this.#informers, () => this.#tell('gateway'), true);
    }
  }

  /** Undefined as long as a list is not complete. */
  wishesOf(kinds: readonly SourceKind[]): readonly Wish[] | undefined {
    return kinds.every((kind) => this.#isSynced(kind)) ? kinds.flatMap((kind) => this.#wishesOf(kind)) : undefined;
  }

  #isSynced(kind: SourceKind): boolean {
    if (kind === 'gateway') return this.#gateways?.isSynced === true;
    if (kind === 'ingress') return this.#ingresses?.hasSynced === true;
    return this.#services !== undefined && Object.values(this.#services).every(({ hasSynced }) => hasSynced);
  }

  #wishesOf(kind: SourceKind): readonly Wish[] {
    const known = this.#wishes.get(kind);
    if (known !== undefined) return known;
    const found = this.#find(kind);
    this.#wishes.set(kind, found);
    return found;
  }

  #find(kind: SourceKind): readonly Wish[] {
    if (kind === 'ingress') return (this.#ingresses?.cache.list() ?? []).flatMap(ingressWishes);
    if (kind === 'gateway') return this.#gateways === undefined ? [] : routeWishes(this.#gateways.objects());
    if (this.#services === undefined) return [];
    const { services: all, nodes: machines, slices } = this.#services;
    const around = {
      nodes: machines.cache.list(),
      node: (name: string) => machines.cache.byKey(name),
      slices: (service: Service) => slices.cache.byIndex(byService, objectKey(service)),
    };
    return all.cache
      .list()
      .filter(asksForNames)
      .flatMap((service) => serviceWishes(service, around));
  }

  #followServices(): FollowedServices {
    const followed: FollowedServices = {
      services: this.#informers.informer(services),
      nodes: this.#informers.informer(nodes),
      slices: this.#informers.informer(endpointSlices).addIndex(byService, (slice) => [sliceService(slice)]),
    };
    const tell = (): void => this.#tell('service');
    const asking = (service: Service): void => void (asksForNames(service) && tell());
    followed.services.addHandler({
      added: asking,
      updated: (now, before) => void ((asksForNames(now) || asksForNames(before)) && tell()),
      deleted: asking,
    });
    const ofPods = (slice: EndpointSlice): void => {
      const service = followed.services.cache.get(parseObjectKey(sliceService(slice)));
      if (service !== undefined && followsPods(service)) tell();
    };
    followed.slices.addHandler({ added: ofPods, updated: ofPods, deleted: ofPods });
    // Nodes beat often, and move seldom.
    const textOf = (node: Node): string =>
      JSON.stringify([runsGateway(node), addressesOf(node, 'ExternalIP'), addressesOf(node, 'InternalIP')]);
    followed.nodes.addHandler({
      added: tell,
      updated: (now, before) => void (textOf(now) !== textOf(before) && tell()),
      deleted: tell,
    });
    for (const { synced } of Object.values(followed) as { synced: Promise<void> }[]) void synced.then(tell);
    return followed;
  }

  #onAny<T extends KubeObject>(kind: SourceKind, informer: Informer<T>): void {
    const tell = (): void => this.#tell(kind);
    informer.addHandler({ added: tell, updated: tell, deleted: tell });
    void informer.synced.then(tell);
  }

  #tell(kind: SourceKind): void {
    this.#wishes.delete(kind);
    this.#changed();
  }
}
