/**
 * What upstream's apiextensions server does for CustomResourceDefinitions beside serving them: their names and conditions, and the end of
 * their objects when they are deleted.
 *
 * ```
 *  created, changed ─▶ names taken by others of the group? (names.ts) ─▶ status, with Established: one write
 *  deleted          ─▶ Terminating ─▶ delete all objects ─▶ wait until the last is gone ─▶ the finalizer goes, and the definition with it
 * ```
 * It follows the store itself, and not by an informer: of each definition it needs the outline alone, and five hundred whole ones would be
 * half a gigabyte of objects. It writes through the registry, as the API server, and tries again what fails.
 *
 * Kept true: whoever creates a definition finds its kind served a commit later. When a definition is gone, so are its objects: those that
 * were under way when the last was counted go with it.
 */
import { hasCondition } from '../../api/custom-rows.ts';
import type { JsonValue } from '../../api/object.ts';
import type { ResourceTable } from '../../api/resource-table.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionStatus,
} from '../../api/schema/types/apiextensions-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import { WorkQueue } from '../../lib/work-queue.ts';
import { RevisionConflict, type Store, type StoreWatch } from '../../store/store.ts';
import type { RequestHandler, RequestTarget, UserInfo } from '../request.ts';
import { definitionCollection, definitionSource } from './definition-source.ts';
import { cleanupFinalizer } from './deletion.ts';
import { decideNames, takenNames, withCondition } from './names.ts';

const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };
/** As upstream: then the status says that it takes long. */
const cleaningMsMax = 60_000;
/** They share a commit of the store. */
const deletesAtOnce = 100;

export interface DefinitionKeeperOptions {
  readonly handler: RequestHandler;
  readonly store: Store;
  readonly resources: ResourceTable;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** Objects of a definition that are on their way out. */
interface Cleaning {
  readonly watch: StoreWatch;
  readonly sinceMs: number;
}

export class DefinitionKeeper implements Service {
  readonly name = 'custom resource definitions';
  readonly #options: DefinitionKeeperOptions;
  readonly #queue: WorkQueue;
  readonly #cleanings = new Map<string, Cleaning>();
  #watch: StoreWatch | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: DefinitionKeeperOptions) {
    this.#options = options;
    this.#queue = new WorkQueue(options);
  }

  async start(): Promise<void> {
    const { store } = this.#options;
    const { entries, revision } = store.list(definitionCollection);
    for (const { key } of entries) this.#queue.add(key.name);
    this.#watch = store.watch(
      { collection: definitionCollection, afterRevision: revision },
      { event: ({ entry }) => this.#queue.add(entry.key.name) },
    );
    this.#work = this.#run();
  }

  async close(): Promise<void> {
    this.#watch?.cancel();
    for (const name of this.#cleanings.keys()) this.#endCleaning(name);
    await this.#queue.shutDown();
    await this.#work;
  }

  /** One after another: who comes first has the name. */
  async #run(): Promise<void> {
    for (let name = await this.#queue.take(); name !== undefined; name = await this.#queue.take()) {
      try {
        await this.#reconcile(name);
        this.#queue.forget(name);
      } catch (error) {
        // Somebody was faster, or it is gone: the change itself wakes us.
        if (!hasReason(error, 'Conflict', 'NotFound')) {
          this.#options.log.warn('a CustomResourceDefinition is not as it should be yet', { name, error });
          this.#queue.addRateLimited(name);
        }
      }
      this.#queue.done(name);
    }
  }

  async #reconcile(name: string): Promise<void> {
    const definition = this.#outline(name);
    if (definition === undefined) return this.#gone(name);
    const status = decideNames(definition, () => takenNames(this.#othersIn(definition)), this.#options.clock.now());
    if (status !== undefined) {
      await this.#write(definition, { status });
      this.#wakeWaiting(this.#othersIn(definition));
      return;
    }
    const { deletionTimestamp, finalizers = [] } = definition.metadata ?? {};
    if (deletionTimestamp !== undefined && finalizers.includes(cleanupFinalizer))
      await this.#finalize(name, definition);
  }

  #outline(name: string): CustomResourceDefinition | undefined {
    const entry = this.#options.store.get({ collection: definitionCollection, namespace: '', name });
    return entry && definitionSource(entry).outline;
  }

  #othersIn({ metadata, spec }: CustomResourceDefinition): readonly CustomResourceDefinition[] {
    return this.#inGroup(spec.group).filter((other) => other.metadata?.name !== metadata?.name);
  }

  #inGroup(group: string): readonly CustomResourceDefinition[] {
    return this.#options.store
      .list(definitionCollection)
      .entries.filter(({ key: { name } }) => name.endsWith(`.${group}`))
      .map((entry) => definitionSource(entry).outline)
      .filter(({ spec }) => spec.group === group);
  }

  /** A name may be free now that they want. */
  #wakeWaiting(definitions: readonly CustomResourceDefinition[]): void {
    for (const { metadata, status } of definitions) {
      if (!hasCondition(status, 'NamesAccepted')) this.#queue.add(metadata?.name ?? '');
    }
  }

  /** Its names are free; and what came in the last moment is nobody's. */
  async #gone(name: string): Promise<void> {
    this.#endCleaning(name);
    const { store } = this.#options;
    this.#wakeWaiting(this.#inGroup(name.slice(name.indexOf('.') + 1)));
    if (this.#isBuiltin(name)) return;
    for (const { key, revision } of store.list(name).entries) {
      await store.write({ kind: 'delete', key, expectedRevision: revision }).catch((error: unknown) => {
        if (!(error instanceof RevisionConflict)) throw error;
        this.#queue.add(name);
      });
    }
  }

  /** Served from the start, whether there is a definition or not: its objects are not the definition's. */
  #isBuiltin(collection: string): boolean {
    return this.#rows(collection).some(({ definition }) => definition === undefined);
  }

  #rows(collection: string): readonly ResourceInfo[] {
    const dot = collection.indexOf('.');
    const [plural, group] = [collection.slice(0, dot), collection.slice(dot + 1)];
    return this.#options.resources.all.filter((row) => row.resource === plural && row.group === group);
  }

  async #finalize(name: string, definition: CustomResourceDefinition): Promise<void> {
    if (this.#isBuiltin(name)) {
      const message = 'instances overlap with built-in resources in storage';
      return this.#release(name, definition, 'OverlappingBuiltInResource', message);
    }
    const rows = this.#rows(name);
    // In the version in which they are stored, nobody has to convert them.
    const row = rows.find(({ version, storageVersion }) => version === storageVersion) ?? rows[0];
    if (row === undefined && this.#count(name) === 0) {
      return this.#release(name, definition, 'NeverEstablished', 'resource was never established');
    }
    const started = terminating('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
    if (!this.#cleanings.has(name)) {
      this.#beginCleaning(name);
      if (await this.#tell(definition, started)) return;
    }
    await this.#deleteAll(definition, row);
    if (this.#count(name) === 0) {
      return this.#release(name, definition, 'InstanceDeletionCompleted', 'removed all instances');
    }
    await this.#waitOn(name, definition);
  }

  #count(collection: string): number {
    return this.#options.store.list(collection).entries.length;
  }

  /** True where that was a change, which wakes us again. */
  async #tell(
    definition: CustomResourceDefinition,
    condition: Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>,
  ): Promise<boolean> {
    const conditions = definition.status?.conditions ?? [];
    const present = conditions.find(({ type }) => type === condition.type);
    if (present?.reason === condition.reason && present?.message === condition.message) return false;
    const next = withCondition(conditions, condition, this.#options.clock.now());
    await this.#write(definition, {
      status: { ...definition.status, conditions: next },
    });
    return true;
  }

  /** A kind that no version serves any more has nobody who could be asked: its objects go as they are. */
  async #deleteAll(definition: CustomResourceDefinition, row: ResourceInfo | undefined): Promise<void> {
    const { store } = this.#options;
    const collection = definition.metadata?.name ?? '';
    const left = store.list(collection).entries;
    try {
      if (row === undefined) {
        for (const { key, revision } of left) await store.write({ kind: 'delete', key, expectedRevision: revision });
        return;
      }
      for (let at = 0; at < left.length; at += deletesAtOnce) {
        const some = left.slice(at, at + deletesAtOnce);
        await Promise.all(some.map(({ key: { namespace, name } }) => this.#delete(row, namespace, name)));
      }
    } catch (error) {
      const message = `could not issue all deletes: ${(error as Error).message}`;
      await this.#tell(definition, terminating('True', 'InstanceDeletionFailed', message));
      throw error;
    }
  }

  async #delete(resource: ResourceInfo, namespace: string, name: string): Promise<void> {
    const target = { user: apiServer, resource, namespace, name, subresource: '' };
    await this.#options.handler.delete(target, {}).catch((error: unknown) => {
      if (!hasReason(error, 'NotFound')) throw error;
    });
  }

  /** Finalizers hold what is left: the last that goes wakes us. */
  #beginCleaning(name: string): void {
    const { store, clock } = this.#options;
    const event = (): void => {
      if (this.#count(name) === 0) this.#queue.add(name);
    };
    this.#cleanings.set(name, { watch: store.watch({ collection: name }, { event }), sinceMs: clock.monotonic() });
  }

  #endCleaning(name: string): void {
    this.#cleanings.get(name)?.watch.cancel();
    this.#cleanings.delete(name);
  }

  async #waitOn(name: string, definition: CustomResourceDefinition): Promise<void> {
    const { sinceMs = 0 } = this.#cleanings.get(name) ?? {};
    const leftMs = sinceMs + cleaningMsMax - this.#options.clock.monotonic();
    if (leftMs > 0) return this.#queue.addAfter(name, leftMs);
    const message = 'could not confirm zero CustomResources remaining: context deadline exceeded';
    await this.#tell(definition, terminating('True', 'InstanceDeletionCheck', message));
  }

  async #release(name: string, definition: CustomResourceDefinition, reason: string, message: string): Promise<void> {
    this.#endCleaning(name);
    const { metadata, status } = definition;
    const finalizers = (metadata?.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer);
    const wanted = terminating('False', reason, message);
    const conditions = withCondition(status?.conditions ?? [], wanted, this.#options.clock.now());
    const next = { ...status, conditions } as CustomResourceDefinitionStatus;
    await this.#write(definition, { status: next, metadata: { finalizers } });
  }

  /** Of the version that was looked at. @throws StatusError Conflict, NotFound */
  async #write(
    { metadata }: CustomResourceDefinition,
    { status, metadata: more = {} }: { readonly status: CustomResourceDefinitionStatus; readonly metadata?: object },
  ): Promise<void> {
    const { handler, resources } = this.#options;
    const resource = resources.find('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
    if (resource === undefined) throw new Error('customresourcedefinitions are not served');
    const { name = '', uid, resourceVersion } = metadata ?? {};
    const target: RequestTarget = { user: apiServer, resource, namespace: '', name, subresource: 'status' };
    const patch = { metadata: { uid, resourceVersion, ...more }, status } as unknown as JsonValue;
    await handler.patch(target, 'application/merge-patch+json', patch, { defaultManager: 'kube-apiserver' });
  }
}

function terminating(
  status: 'True' | 'False',
  reason: string,
  message: string,
): Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'> {
  return { type: 'Terminating', status, reason, message };
}
