/**
 * Writes the default policy once the cluster runs, through the registry as anybody would: what is missing is made, what lacks something
 * is put right (`reconcile.ts`). Nobody waits for it, since the index holds the defaults from memory until they are written.
 *
 * Kept true: as many writes at once as the store takes into one commit, so that a new cluster has all of it after a few commits; and the
 * request that comes meanwhile is served between two of them.
 */
import type { JsonObject, KubeObject } from '../../api/object.ts';
import type { ResourceTable } from '../../api/resource-table.ts';
import { groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { ClusterRole, RoleBinding } from '../../api/schema/types/rbac-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { RequestHandler, RequestTarget, UserInfo } from '../../registry/request.ts';
import { type DefaultPolicy, defaultPolicy, type PolicyResource, withGatheredRules } from './default-policy.ts';
import type { IndexedObject, RbacIndex } from './rbac-index.ts';
import { type Repair, repairedBinding, repairedRole } from './reconcile.ts';

const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };
const group = 'rbac.authorization.k8s.io';

/** In this order: a binding is of no use before its role. */
const resourceNames: readonly PolicyResource[] = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'];

interface Wanted {
  readonly resource: PolicyResource;
  readonly object: KubeObject;
}

export interface PolicyBootstrapOptions {
  readonly handler: RequestHandler;
  readonly index: RbacIndex;
  readonly resources: Pick<ResourceTable, 'find'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What the index holds until it is written. */
export function indexedDefaults(): IndexedObject[] {
  return wantedObjects().map(({ resource, object }) => {
    const { namespace = '', name = '' } = object.metadata ?? {};
    return { key: { collection: `${resource}.${group}`, namespace, name }, object };
  });
}

function wantedObjects(): Wanted[] {
  const policy: DefaultPolicy = defaultPolicy();
  const whole = { ...policy, clusterroles: withGatheredRules(policy.clusterroles) };
  return resourceNames.flatMap((resource) => whole[resource].map((object) => ({ resource, object })));
}

export class PolicyBootstrap implements Service {
  readonly name = 'rbac policy';
  readonly #options: PolicyBootstrapOptions;
  readonly #closing = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #isDone = false;

  constructor(options: PolicyBootstrapOptions) {
    this.#options = options;
  }

  /** Begins; resolves at once. */
  async start(): Promise<void> {
    this.#work = this.#untilDone();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  /** All is written. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Resolves when all is written, or this part is closed. */
  done(): Promise<void> {
    return this.#work;
  }

  async #untilDone(): Promise<void> {
    const { clock, log, index } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        if (await this.#reconcileAll()) {
          index.forgetDefaults();
          this.#isDone = true;
        }
        return;
      } catch (error) {
        log.warn('the default policy is not written yet', { error });
        await clock.sleep(limits.policyRetryMs, signal).catch(() => {});
      }
    }
  }

  /** False where it was closed meanwhile. */
  async #reconcileAll(): Promise<boolean> {
    const wanted = wantedObjects();
    for (let first = 0; first < wanted.length; first += limits.policyWritesAtOnce) {
      if (this.#closing.signal.aborted) return false;
      const some = wanted.slice(first, first + limits.policyWritesAtOnce);
      await Promise.all(some.map((one) => this.#reconcile(one)));
    }
    return true;
  }

  async #reconcile(wanted: Wanted): Promise<void> {
    const target = this.#targetOf(wanted);
    const standing = await this.#find(target);
    if (standing === undefined) return this.#create(target, wanted.object);
    const repair = repairOf(wanted, standing);
    if (repair === undefined) return;
    this.#options.log.info('default policy put right', { resource: groupResource(target.resource), name: target.name });
    if (!repair.recreate) {
      await this.#options.handler.update(target, bodyOf(repair.object), written);
      return;
    }
    await this.#options.handler.delete(target, {});
    await this.#create(target, repair.object);
  }

  async #create(target: RequestTarget, object: KubeObject): Promise<void> {
    await this.#options.handler.create({ ...target, name: '' }, bodyOf(object), written);
  }

  async #find(target: RequestTarget): Promise<KubeObject | undefined> {
    try {
      return (await this.#options.handler.get(target)).object;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #targetOf({ resource, object }: Wanted): RequestTarget {
    const info = this.#options.resources.find(group, 'v1', resource) as ResourceInfo;
    const { namespace = '', name = '' } = object.metadata ?? {};
    return { user: apiServer, resource: info, namespace, name, subresource: '' };
  }
}

const written = { fieldManager: 'kube-apiserver' };

const bodyOf = (object: KubeObject): JsonObject => object as unknown as JsonObject;

function repairOf({ resource, object }: Wanted, standing: KubeObject): Repair<KubeObject> | undefined {
  if (resource === 'roles' || resource === 'clusterroles') {
    const role = object as ClusterRole;
    // What aggregated roles gather is their control loop's to keep.
    return repairedRole(role.aggregationRule ? { ...role, rules: [] } : role, standing as ClusterRole);
  }
  return repairedBinding(object as RoleBinding, standing as RoleBinding);
}
