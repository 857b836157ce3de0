/**
 * The control loop of Ingresses: writes the addresses of the gateway into their statuses, and tells in events what is wrong with them. Nodes serve them;
 * this loop makes the same plan from the same objects once for the whole cluster, so that a fault is told once and not by each node.
 *
 * ```
 *  Ingress, IngressClass, Service, Secret changed ─▶ key `problems`, after a short while ─▶ translated ─▶ events
 *  Ingress or Node changed                        ─▶ key `namespace/name`                ─▶ status
 * ```
 */
import { borrowedIngressClass, ownIngressClass } from '../../../api/ingress-classes.ts';
import { type KubeObject, objectKey } from '../../../api/object.ts';
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import { hasReason } from '../../../api/status-error.ts';
import { ControlLoop, done } from '../../../client/controller.ts';
import type { Informer } from '../../../client/informer.ts';
import type { NamedState } from '../../../client/named-objects.ts';
import { ingressClasses, ingresses, nodes, secrets, services } from '../../../client/resources.ts';
import { contextFor, nameOf, namespaceOf, referenceOf, uidOf } from '../../../controllers/shared/context.ts';
import type { Service } from '../../../lib/service.ts';
import type { NetworkLoopContext } from '../../loops.ts';
import { gatewayAddresses } from '../addresses.ts';
import { NamedReadings } from '../secrets.ts';
import type { Problem, TranslatorSources } from '../translator.ts';
import { ToldProblems, wantedStatus } from './status.ts';
import { servedIngresses, translateIngresses } from './translate.ts';

const account = 'ingress-controller';
const problemsKey = 'problems';
/** Several changes in a row are looked at once. */
const settleMs = 500;
/** Certificates end without a change of any object. */
const lookAgainMs = 60 * 60_000;

export function ingressController(context: NetworkLoopContext): Service[] {
  const own = contextFor(context, account);
  const { client, events, clock, informers } = own;
  const all = informers.informer(ingresses);
  const classes = informers.informer(ingressClasses);
  const known = {
    services: informers.informer(services),
    secrets: informers.informer(secrets),
    nodes: informers.informer(nodes),
  };
  const told = new ToldProblems();
  const readings = new NamedReadings((resource, reference) => {
    if (resource.resource !== secrets.resource) return { kind: 'missing' };
    const object = known.secrets.cache.get(reference);
    // The one resource whose objects are asked for here.
    return (object === undefined ? { kind: 'missing' } : { kind: 'found', object }) as NamedState<never>;
  });
  const sources = (): TranslatorSources => ({
    services: { find: (reference) => known.services.cache.get(reference), servers: () => [] },
    named: readings,
    nowMs: clock.now(),
    defaultCertificate: { serverName: '*', id: '', pem: '' },
  });
  const objects = () => ({ ingresses: all.cache.list(), classes: classes.cache.list() });

  const tellProblems = (): void => {
    const { ingresses: every } = objects();
    const problems = [
      ...translateIngresses(objects(), sources()).problems,
      ...every.flatMap((one) => withoutClass(one, classes.cache)),
    ];
    const find = ({ source }: Problem): Ingress | undefined => all.cache.get(source);
    const generationOf = (problem: Problem): string =>
      `${uidOf(find(problem) ?? {})} ${find(problem)?.metadata?.generation ?? 0}`;
    for (const problem of told.fresh(problems, generationOf)) {
      const ingress = find(problem);
      if (ingress !== undefined) events.record(ingresses, ingress, 'Warning', problem.reason, problem.message);
    }
  };

  const writeStatus = async (key: string): Promise<void> => {
    const ingress = all.cache.byKey(key);
    if (ingress === undefined || servedIngresses({ ...objects(), ingresses: [ingress] }).length === 0) return;
    const wanted = wantedStatus(ingress, gatewayAddresses(known.nodes.cache.list()));
    if (wanted === undefined) return;
    const body = {
      metadata: { uid: uidOf(ingress) },
      status: { loadBalancer: { ingress: wanted.length > 0 ? wanted : null } },
    };
    try {
      await client.patch(ingresses, referenceOf(ingress), { type: 'merge', body }, { subresource: 'status' });
    } catch (error) {
      // It is gone, or another one stands in its place: the informer tells.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  };

  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: account,
    informers: [all, classes, ...Object.values(known)],
    reconcile: async (key) => {
      if (key !== problemsKey) {
        await writeStatus(key);
        return done;
      }
      tellProblems();
      return all.cache.size === 0 ? done : { kind: 'after', ms: lookAgainMs };
    },
  });
  const look = (): void => {
    if (all.cache.size > 0) loop.queue.addAfter(problemsKey, settleMs);
  };
  const every = (): void => {
    for (const ingress of all.cache.list()) loop.queue.add(objectKey(ingress));
  };
  const both = (): void => {
    look();
    every();
  };
  const see = (ingress: Ingress): void => {
    look();
    loop.queue.add(objectKey(ingress));
  };
  all.addHandler({ added: see, updated: see, deleted: look });
  onAny(classes, both);
  onAny(known.services, look);
  onAny(known.secrets, look);
  onAddresses(known.nodes, every);
  return [loop];
}

function onAny<T extends KubeObject>(informer: Informer<T>, act: () => void): void {
  informer.addHandler({ added: act, updated: act, deleted: act });
}

/** Nodes beat often, and move seldom. */
function onAddresses(informer: Informer<Parameters<typeof gatewayAddresses>[0][number]>, act: () => void): void {
  const textOf = (node: Parameters<typeof gatewayAddresses>[0][number]): string => gatewayAddresses([node]).join();
  informer.addHandler({
    added: act,
    updated: (now, before) => {
      if (textOf(now) !== textOf(before)) act();
    },
    deleted: act,
  });
}

/** A class that does not exist is most often a typing error. The annotation may stand for classes that others know without an object. */
function withoutClass(ingress: Ingress, classes: Informer<KubeObject>['cache']): readonly Problem[] {
  const name = ingress.spec?.ingressClassName;
  if (name === undefined || name === ownIngressClass || name === borrowedIngressClass || classes.byKey(name)) return [];
  const source = { kind: 'Ingress', namespace: namespaceOf(ingress), name: nameOf(ingress) };
  return [
    { source, reason: 'IngressClassNotFound', message: `there is no IngressClass ${name}: nobody serves this Ingress` },
  ];
}
