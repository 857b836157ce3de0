/**
 * The statuses of the Gateway API's objects that are ours, as they should be. Pure: from the objects to the statuses that differ from what they have.
 *
 * Kept true: what other controllers said (their conditions, their parents of a route, their ancestors of a policy) stays as it is; what is said of a
 * route or a policy that is not ours any more goes away.
 */
import type {
  Condition,
  Gateway,
  GatewayClass,
  GatewayStatusAddress,
  ListenerSet,
  ListenerStatus,
} from '../../../api/schema/types/gateway-v1.ts';
import { attachedCounts } from './attachment.ts';
import { validationAt } from './certificates.ts';
import { condition, type WantedCondition, withConditions } from './conditions.ts';
import { supportedFeatures } from './features.ts';
import { classVerdict, isOurClass } from './gateway-classes.ts';
import type { ReadGateway, ReadListener } from './listeners.ts';
import {
  type AnyRoute,
  bad,
  type GatewayObjects,
  gatewayGroup,
  good,
  type RouteKind,
  type Verdict,
} from './objects.ts';
import { programmedVerdict, type Resolved, refsVerdict } from './resolve.ts';
import { policyStatus, routeStatus } from './route-status.ts';

export interface StatusUpdate {
  readonly kind: 'BackendTLSPolicy' | 'Gateway' | 'GatewayClass' | 'ListenerSet' | RouteKind;
  readonly object: { readonly metadata?: object };
  readonly status: object;
}

export interface StatusContext {
  /** RFC 3339. */
  readonly now: string;
  /** Where Gateways are reached: the addresses of nodes that run one. */
  readonly addresses: readonly string[];
  /** All that these nodes have, inside and outside: what a Gateway may ask for. */
  readonly nodeAddresses: ReadonlySet<string>;
}

/** The API takes no more of a Gateway. */
const addressesMax = 16;

export function decideStatuses(objects: GatewayObjects, resolved: Resolved, context: StatusContext): StatusUpdate[] {
  const maker = new StatusMaker(resolved, context);
  const wanted: StatusUpdate[] = [
    ...objects.classes
      .filter(isOurClass)
      .map((each): StatusUpdate => ({ kind: 'GatewayClass', object: each, status: maker.gatewayClass(each) })),
    ...resolved.gateways.flatMap((each) => maker.gateway(each)),
    ...maker.routes(objects),
    ...maker.policies(),
  ];
  return wanted.filter(({ object, status }) => !isSame((object as { status?: object }).status ?? {}, status));
}

const isSame = (a: object, b: object): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** Keys in one order: what the API answers has them in its own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
}

const gatewayConditions = ['Accepted', 'Programmed', 'ResolvedRefs', 'InsecureFrontendValidationMode'];
const listenerConditions = ['Accepted', 'Programmed', 'ResolvedRefs', 'Conflicted'];

class StatusMaker {
  readonly #resolved: Resolved;
  readonly #context: StatusContext;
  readonly #counts: ReadonlyMap<ReadListener, number>;

  constructor(resolved: Resolved, context: StatusContext) {
    this.#resolved = resolved;
    this.#context = context;
    this.#counts = attachedCounts(resolved.routes);
  }

  gatewayClass(gatewayClass: GatewayClass): object {
    const { metadata, status = {} } = gatewayClass;
    const wanted = [
      condition('Accepted', classVerdict(gatewayClass)),
      condition('SupportedVersion', good('SupportedVersion', 'The Gateway API is part of this cluster')),
    ];
    const conditions = this.#conditions(metadata, status.conditions, wanted, ['Accepted', 'SupportedVersion']);
    return { ...status, conditions, supportedFeatures: supportedFeatures.map((name) => ({ name })) };
  }

  /** Its own, and those of its ListenerSets. */
  gateway(read: ReadGateway): StatusUpdate[] {
    const sets = read.listenerSets.map(
      ({ set, verdict }): StatusUpdate => ({
        kind: 'ListenerSet',
        object: set,
        status: this.#listenerSet(read, set, verdict),
      }),
    );
    return [{ kind: 'Gateway', object: read.gateway, status: this.#gateway(read) }, ...sets];
  }

  #gateway(read: ReadGateway): object {
    const { gateway } = read;
    const own = read.listeners.filter(({ owner }) => owner.object === gateway);
    const addresses = addressesFor(gateway, this.#context);
    const refs = this.#resolved.backendCertificates.get(read)?.refs ?? good('ResolvedRefs');
    const isInsecure = own.some(
      (each) => each.form === 'https' && validationAt(each)?.mode === 'AllowInsecureFallback',
    );
    const insecure: WantedCondition = {
      type: 'InsecureFrontendValidationMode',
      status: 'True',
      reason: 'ConfigurationChanged',
      message: 'Clients without a valid certificate are let in (AllowInsecureFallback)',
    };
    const wanted = [
      condition('Accepted', this.#accepted(read, own)),
      condition('Programmed', this.#programmed(read, own, addresses)),
      ...(gateway.spec.tls?.backend ? [condition('ResolvedRefs', refs)] : []),
      ...(isInsecure ? [insecure] : []),
    ];
    const joined = read.listenerSets.filter(({ verdict }) => verdict.isGood).length;
    const { addresses: _before, attachedListenerSets: _sets, ...kept } = gateway.status ?? {};
    return {
      ...kept,
      ...(addresses.usable.length > 0 && { addresses: addresses.usable }),
      ...(joined > 0 && { attachedListenerSets: joined }),
      conditions: this.#conditions(gateway.metadata, gateway.status?.conditions, wanted, gatewayConditions),
      listeners: this.#listeners(gateway, own),
    };
  }

  #accepted({ verdict }: ReadGateway, own: readonly ReadListener[]): Verdict {
    const refused = own.find(({ accepted }) => !accepted.isGood);
    if (!verdict.isGood || refused === undefined) return verdict;
    const message = `listener ${refused.listener.name}: ${refused.accepted.message}`;
    const isAny = own.some(({ accepted }) => accepted.isGood);
    return { isGood: isAny, reason: 'ListenersNotValid', message };
  }

  #programmed({ verdict }: ReadGateway, own: readonly ReadListener[], { problem }: Addresses): Verdict {
    if (!verdict.isGood) return bad('Invalid', verdict.message);
    if (problem !== undefined) return problem;
    const verdicts = own.map((each) => this.#open(each));
    if (verdicts.some(({ isGood }) => isGood)) return good('Programmed', 'The Gateway is open');
    return bad(verdicts.some(({ reason }) => reason === 'Pending') ? 'Pending' : 'Invalid', verdicts[0]?.message ?? '');
  }

  #open(listener: ReadListener): Verdict {
    return programmedVerdict(listener, this.#resolved.tls.get(listener));
  }

  #listenerSet(read: ReadGateway, set: ListenerSet, joined: Verdict): object {
    const own = read.listeners.filter(({ owner }) => owner.object === set);
    const verdict = joined.isGood ? this.#setVerdict(own) : joined;
    const isOpen = verdict.isGood && this.#context.addresses.length > 0;
    const programmed = isOpen
      ? good('Programmed', 'Listeners of the set are open')
      : bad(verdict.isGood ? 'Pending' : verdict.reason, verdict.message);
    const wanted = [condition('Accepted', verdict), condition('Programmed', programmed)];
    const conditions = this.#conditions(set.metadata, set.status?.conditions, wanted, ['Accepted', 'Programmed']);
    const { listeners: _before, ...kept } = set.status ?? {};
    return { ...kept, conditions, ...(own.length > 0 && { listeners: this.#listeners(set, own) }) };
  }

  /** Accepted as long as one of its listeners serves. */
  #setVerdict(own: readonly ReadListener[]): Verdict {
    const closed = own.map((each) => ({ each, verdict: this.#open(each) })).filter(({ verdict }) => !verdict.isGood);
    const [first] = closed;
    if (first === undefined) return good('Accepted', 'The listeners are served');
    const message = `listener ${first.each.listener.name}: ${first.verdict.message}`;
    return { isGood: closed.length < own.length, reason: 'ListenersNotValid', message };
  }

  #listeners(object: Gateway | ListenerSet, own: readonly ReadListener[]): ListenerStatus[] {
    return own.map((read): ListenerStatus => {
      const { listener, kinds, accepted, conflict } = read;
      const before = object.status?.listeners?.find(({ name }) => name === listener.name);
      const wanted = [
        condition('Accepted', accepted),
        condition('Programmed', this.#open(read)),
        condition('ResolvedRefs', refsVerdict(read, this.#resolved.tls.get(read))),
        condition('Conflicted', conflict ? good(conflict.reason, conflict.message) : bad('NoConflicts', '')),
      ];
      return {
        name: listener.name,
        supportedKinds: kinds.map((kind) => ({ group: gatewayGroup, kind })),
        attachedRoutes: this.#counts.get(read) ?? 0,
        conditions: this.#conditions(object.metadata, before?.conditions, wanted, listenerConditions),
      };
    });
  }

  #conditions(
    metadata: Gateway['metadata'],
    before: readonly Condition[] | undefined,
    wanted: readonly WantedCondition[],
    own: readonly string[],
  ): Condition[] {
    return withConditions(before, wanted, { generation: metadata?.generation ?? 0, now: this.#context.now, own });
  }

  routes(objects: GatewayObjects): StatusUpdate[] {
    const read = new Map(this.#resolved.routes.map((each) => [each.route, each]));
    return Object.entries(objects.routes).flatMap(([kind, all]) =>
      all.flatMap((route: AnyRoute): StatusUpdate[] => {
        const status = routeStatus(this.#resolved, route, read.get(route), this.#context.now);
        return status === undefined ? [] : [{ kind: kind as RouteKind, object: route, status }];
      }),
    );
  }

  policies(): StatusUpdate[] {
    return this.#resolved.policies.all.flatMap((each): StatusUpdate[] => {
      const status = policyStatus(this.#resolved, each, this.#context.now);
      return status === undefined ? [] : [{ kind: 'BackendTLSPolicy', object: each.policy, status }];
    });
  }
}

interface Addresses {
  readonly usable: readonly GatewayStatusAddress[];
  readonly problem?: Verdict;
}

/** Those that it asks for, as far as they are the nodes' own; all of the nodes' where it asks for none, or for any. */
function addressesFor({ spec }: Gateway, { addresses: ofNodes, nodeAddresses }: StatusContext): Addresses {
  const asked = (spec.addresses ?? []).flatMap(({ value }) => value ?? []);
  const isAny = asked.length === 0 || asked.length < (spec.addresses ?? []).length;
  const chosen = new Set([...asked.filter((each) => nodeAddresses.has(each)), ...(isAny ? ofNodes : [])]);
  const usable = [...chosen].slice(0, addressesMax).map((value) => ({ type: 'IPAddress', value }));
  const foreign = asked.find((each) => !nodeAddresses.has(each));
  if (foreign !== undefined) {
    const message = `spec.addresses: ${foreign} is the address of no node that runs gateways`;
    return { usable, problem: bad('AddressNotUsable', message) };
  }
  if (usable.length === 0) return { usable, problem: bad('AddressNotAssigned', 'no node that runs gateways is ready') };
  return { usable };
}
