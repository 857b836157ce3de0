/**
 * ResourceQuotas: writes into each quota's status what it bounds and what is used. Admission notes what is created; this loop finds what was
 * set free (deleted, run to its end, made smaller), what a new quota finds there already, and whatever went wrong, every five minutes.
 *
 * ```
 *  read the quota (version V) ─ then list what it bounds ─ write the status at V ──▶ done
 *        ▲                                                     │ Conflict: something was noted meanwhile,
 *        └─────────────────────────────────────────────────────┘ or is noted and may not have been listed (registry/admission/resource-quota)
 * ```
 * Kept true: it lists after it read, from the server and not from a cache, which may lag; so a count that is let through has missed nothing
 * that was noted. Caches only tell when to count. It follows just the resources that some quota bounds.
 */
import { type KubeObject, objectKey, parseObjectKey } from '../../api/object.ts';
import { evaluatorFor } from '../../api/quota/evaluator.ts';
import { groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { ResourceQuota } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import { resourceOf, resourceQuotas } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { storedResources } from '../shared/api-resources.ts';
import { type ControllerContext, contextFor, type LoopContext, namespaceOf } from '../shared/context.ts';
import { boundedResources, countsUnserved, decideStatus, isNewBound, sameBounds } from './decide.ts';

/** As upstream. */
const resyncMs = 5 * 60 * 1000;
/** Objects often go many at a time: they are counted together. */
const gatherMs = 100;
/** A quota may count a kind that nobody serves yet: until it is counted, none can be created. */
const unservedMs = 5000;
const attemptsMax = 4;
/** While others keep noting, a count has no chance, and there is no hurry either. */
const busyMs = 500;

export function resourceQuotaController(context: ControllerContext): Service {
  return new ResourceQuotaController(contextFor(context, 'resourcequota-controller')).loop;
}

class ResourceQuotaController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #quotas: Informer<ResourceQuota>;
  /** By group-resource. */
  readonly #followed = new Map<string, Informer<KubeObject>>();

  constructor(context: LoopContext) {
    this.#context = context;
    this.#quotas = context.informers.informer(resourceQuotas);
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({ ...context, name: 'resource-quota', informers: [this.#quotas], reconcile });
    const look = (quota: ResourceQuota): void => this.loop.queue.add(objectKey(quota));
    this.#quotas.addHandler({
      added: look,
      // Its status changes with each object, by admission's hand and by this one.
      updated: (quota, previous) => {
        if (!sameBounds(quota, previous)) look(quota);
      },
    });
  }

  async #reconcile(key: string): Promise<Outcome> {
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const quota = await this.#read(key);
      if (quota === undefined) return done;
      try {
        return await this.#count(quota);
      } catch (error) {
        if (!hasReason(error, 'Conflict')) throw error;
      }
    }
    return after(busyMs);
  }

  /** From the server; its role lets it list, and not get. */
  async #read(key: string): Promise<ResourceQuota | undefined> {
    if (this.#quotas.cache.byKey(key) === undefined) return undefined;
    const { namespace, name } = parseObjectKey(key);
    const query = { namespace, fieldSelector: `metadata.name=${name}` };
    return (await this.#context.client.list(resourceQuotas, query)).items[0];
  }

  /** @throws StatusError Conflict where it has to be counted again; what a list of some resource threw, once the others are written */
  async #count(quota: ResourceQuota): Promise<Outcome> {
    const { client, clock, resources } = this.#context;
    const bounded = boundedResources(quota, storedResources(resources.all, ['list', 'watch']));
    for (const info of bounded) this.#follow(info);
    const { counted, errors } = await this.#list(namespaceOf(quota), bounded);
    const status = decideStatus(quota, counted, clock.now());
    if (status !== undefined) {
      await client.update(resourceQuotas, { ...quota, status }, { subresource: 'status' });
    }
    if (errors.length > 0) throw errors[0] as Error;
    // What was created while nothing was bounded yet, nobody noted: count once more.
    if (isNewBound(quota)) return after(0);
    return after(countsUnserved(quota, bounded) ? unservedMs : resyncMs);
  }

  async #list(namespace: string, infos: readonly ResourceInfo[]) {
    const counted = new Map<ResourceInfo, readonly KubeObject[]>();
    const errors: unknown[] = [];
    for (const info of infos) {
      try {
        counted.set(info, (await this.#context.client.list(resourceOf(info), { namespace })).items);
      } catch (error) {
        errors.push(error);
      }
    }
    return { counted, errors };
  }

  /** An informer that is not the one followed before belongs to a resource that was gone meanwhile. */
  #follow(info: ResourceInfo): void {
    const collection = groupResource(info);
    const evaluator = evaluatorFor(collection);
    const informer = this.#context.informers.informer(resourceOf(info));
    if (evaluator === undefined || this.#followed.get(collection) === informer) return;
    this.#followed.set(collection, informer);
    informer.addHandler({
      updated: (object, previous) => {
        if (this.#quotas.cache.list(namespaceOf(object)).length === 0) return;
        if (evaluator.frees?.(object, previous, this.#context.clock.now())) this.#wake(object, info);
      },
      deleted: (object) => this.#wake(object, info),
    });
  }

  #wake(object: KubeObject, info: ResourceInfo): void {
    for (const quota of this.#quotas.cache.list(namespaceOf(object))) {
      if (boundedResources(quota, [info]).length > 0) this.loop.queue.addAfter(objectKey(quota), gatherMs);
    }
  }
}
