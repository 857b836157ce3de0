/**
 * Brings an application's objects into a cluster, step by step: what others stand on first, each step only when the one before is through;
 * definitions of kinds are waited for until they are served. Waiting until everything is healthy is `wait.ts`.
 */
import type { HorizontalPodAutoscaler } from '../api/schema/types/autoscaling-v2.ts';
import { horizontalPodAutoscalers } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { SourceObject } from './application.ts';
import { type Applied, applyObject, existing } from './apply-object.ts';
import { ApplySet, type Extent, extentOf, groupKind, type LeftOver } from './apply-set.ts';
import { refuseForeign } from './foreign.ts';
import { healthOf } from './health.ts';
import { inSteps } from './order.ts';
import { type Cluster, type Deployed, inParallel, locate, type ServedResource } from './target.ts';

export interface DeployOptions {
  readonly clock: Clock;
  /** By this name its objects are found again: the application's. Without one nothing is remembered, and nothing pruned. */
  readonly setName?: string;
  /** What the last deployment had, and this one has not, is deleted. Without: only told. */
  readonly prune?: boolean;
  readonly dryRun?: boolean;
  /** In a dry run: the cluster's namespace would be made before. */
  readonly makesNamespace?: boolean;
  /** Fields that others set are taken over. */
  readonly force?: boolean;
  /** Objects of other applications become this one's. */
  readonly takeOver?: boolean;
  readonly applied?: (object: Applied) => void;
  readonly pruned?: (object: LeftOver) => void;
}

export interface Deployment {
  readonly objects: readonly Applied[];
  /** Of the last deployment, and still there. */
  readonly leftOver: readonly LeftOver[];
}

/** @throws ManifestError with file, object and reason */
export async function deploy(
  cluster: Cluster,
  objects: readonly SourceObject[],
  options: DeployOptions,
): Promise<Deployment> {
  refuseTwice(objects, cluster.namespace);
  return new Deploying(cluster, options).run(objects);
}

type Scaled = SourceObject['object'] & { readonly spec?: { readonly replicas?: number } };

class Deploying {
  readonly #cluster: Cluster;
  readonly #options: DeployOptions;
  readonly #set: ApplySet | undefined;
  /** By namespace. */
  readonly #autoscalers = new Map<string, Promise<readonly HorizontalPodAutoscaler[]>>();

  constructor(cluster: Cluster, options: DeployOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#set = options.setName === undefined ? undefined : new ApplySet(cluster, options.setName);
  }

  async run(objects: readonly SourceObject[]): Promise<Deployment> {
    const before = await this.#set?.open();
    const applied: Applied[] = [];
    const { dryRun = false, takeOver = false } = this.#options;
    if (this.#set !== undefined && !takeOver) await refuseForeign(this.#cluster, objects, this.#set.id);
    for (const step of inSteps(objects))
      applied.push(...(await (dryRun ? this.#tryStep(step, objects) : this.#step(step))));
    if (this.#set === undefined || before === undefined) return { objects: applied, leftOver: [] };
    return { objects: applied, leftOver: await this.#prune(this.#set, before, applied) };
  }

  /** A dry run cannot ask the server about what would stand in a namespace, or be of a kind, that is still to come. */
  #isToCome({ object }: SourceObject, all: readonly SourceObject[]): boolean {
    const namespace = object.metadata?.namespace ?? this.#cluster.namespace;
    if (this.#options.makesNamespace === true && namespace === this.#cluster.namespace) return true;
    return all.some(({ object: { kind, metadata, ...rest } }) => {
      if (kind === 'Namespace') return metadata?.name === namespace;
      const { group, names } = (rest as { spec?: { group?: string; names?: { kind?: string } } }).spec ?? {};
      return (
        kind === 'CustomResourceDefinition' && object.kind === names?.kind && object.apiVersion?.split('/')[0] === group
      );
    });
  }

  /** What of a step the server can be asked about; the rest counts as created. */
  async #tryStep(step: readonly SourceObject[], all: readonly SourceObject[]): Promise<Applied[]> {
    return inParallel(step, async (source) => {
      try {
        return await this.#apply(await locate(this.#cluster, source));
      } catch (error) {
        if (!(error instanceof ManifestError) || !this.#isToCome(source, all)) throw error;
        const applied = toCome(source, this.#cluster.namespace);
        this.#options.applied?.(applied);
        return applied;
      }
    });
  }

  async #step(step: readonly SourceObject[]): Promise<Applied[]> {
    const targets = await Promise.all(step.map((source) => locate(this.#cluster, source)));
    await this.#remember(targets);
    const applied = await inParallel(targets, (target) => this.#apply(target));
    const definitions = applied.filter(({ resource }) => resource.kind === 'CustomResourceDefinition');
    if (definitions.length > 0) await established(this.#cluster, definitions, this.#options.clock);
    return applied;
  }

  /** The set's own namespace may be one of those that are just being made. */
  async #remember(targets: readonly Deployed[]): Promise<void> {
    const home = this.#cluster.namespace;
    const makesHome = targets.some(
      ({ resource, reference }) => resource.kind === 'Namespace' && reference.name === home,
    );
    if (!makesHome) await this.#set?.include(extentOf(targets, home));
  }

  async #apply(target: Deployed): Promise<Applied> {
    const applied = await applyObject(this.#cluster, await this.#prepared(target), this.#options);
    this.#options.applied?.(applied);
    return applied;
  }

  /** A member of its set; where an autoscaler scales it, its size stays what it is: left out, it would fall back to one. */
  async #prepared(target: Deployed): Promise<Deployed> {
    const object = this.#set === undefined ? target.source.object : this.#set.member(target.source.object);
    const member = { ...target, source: { ...target.source, object } };
    const { spec }: Scaled = object;
    const replicas = spec?.replicas === undefined ? undefined : await this.#replicasNow(target);
    if (replicas === undefined) return member;
    const sized = { ...object, spec: { ...spec, replicas } } as SourceObject['object'];
    return { ...member, source: { ...member.source, object: sized } };
  }

  /** Of what an autoscaler of the cluster scales, where it is there itself: a new one begins as its file says. */
  async #replicasNow(target: Deployed): Promise<number | undefined> {
    const { namespace, name } = target.reference;
    const all = await this.#autoscalersIn(namespace);
    const isMeant = all.some(
      ({ spec }) => spec?.scaleTargetRef.kind === target.resource.kind && spec.scaleTargetRef.name === name,
    );
    if (!isMeant) return undefined;
    const live: Scaled | undefined = await existing(this.#cluster, target);
    return live?.spec?.replicas;
  }

  /** Who may not read them applies what the file says. */
  #autoscalersIn(namespace: string): Promise<readonly HorizontalPodAutoscaler[]> {
    const known = this.#autoscalers.get(namespace);
    if (known !== undefined) return known;
    const found = this.#cluster.client.list(horizontalPodAutoscalers, { namespace }).then(
      ({ items }) => items,
      () => [],
    );
    this.#autoscalers.set(namespace, found);
    return found;
  }

  async #prune(set: ApplySet, before: Extent, applied: readonly Applied[]): Promise<readonly LeftOver[]> {
    const { prune = false, dryRun = false, pruned } = this.#options;
    const leftOver = await set.leftOver(before, await resourcesOf(this.#cluster, before), applied);
    if (!prune) return leftOver;
    for (const one of leftOver) {
      if (!dryRun) await set.remove(one);
      pruned?.(one);
    }
    if (!dryRun) await set.settle(extentOf(applied, this.#cluster.namespace));
    return [];
  }
}

function toCome(source: SourceObject, home: string): Applied {
  const { apiVersion = '', kind = '', metadata } = source.object;
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return {
    resource: { group, version, kind, resource: '', singular: kind.toLowerCase(), namespaced: true },
    reference: { namespace: metadata?.namespace ?? home, name: metadata?.name ?? '' },
    source,
    object: source.object,
    outcome: 'created',
    taken: [],
  };
}

const establishMsMax = 30_000;

async function established(cluster: Cluster, definitions: readonly Applied[], clock: Clock): Promise<void> {
  const endMs = clock.monotonic() + establishMsMax;
  for (const definition of definitions) {
    for (;;) {
      const now = await cluster.client.get(definition.resource, definition.reference);
      const health = healthOf({
        ...now,
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
      });
      if (health.state === 'healthy') break;
      if (health.state === 'failing' || clock.monotonic() > endMs) {
        throw new ManifestError(
          `${definition.source.from}: the definition ${definition.reference.name} is not served: ${health.message}`,
        );
      }
      await clock.sleep(50);
    }
  }
  cluster.finder.forget();
}

/** Of kinds that are not served any more nothing is left. */
async function resourcesOf({ finder }: Cluster, { kinds }: Extent): Promise<readonly ServedResource[]> {
  const found = await Promise.all(kinds.map((kind) => finder.byGroupKind(kind)));
  return found.filter((resource) => resource !== undefined).filter((resource) => kinds.includes(groupKind(resource)));
}

function refuseTwice(objects: readonly SourceObject[], home: string): void {
  const seen = new Map<string, string>();
  for (const { object, from } of objects) {
    const { apiVersion = '', kind, metadata = {} } = object;
    if (metadata.name === undefined) continue;
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    const key = `${kind}.${group} ${metadata.namespace ?? home}/${metadata.name}`;
    const first = seen.get(key);
    if (first !== undefined)
      throw new ManifestError(`${kind} ${metadata.name} is there twice: at ${first} and at ${from}`);
    seen.set(key, from);
  }
}
