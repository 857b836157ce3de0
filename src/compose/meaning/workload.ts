/**
 * The workload of a service:
 *
 * | Compose | Kubernetes |
 * |---|---|
 * | a service | Deployment; replaced (`Recreate`) where it holds a claim or a port of the machine, since two cannot |
 * | `deploy.mode: global` | DaemonSet |
 * | others wait for its `service_completed_successfully`; `deploy.mode: replicated-job`; `restart: "no"` in so many words, and no ports | Job |
 *
 * A Job's pods cannot be changed, so its name ends with a hash of them: changed, it is another Job and runs; unchanged, it has run.
 */
import type { DaemonSet, Deployment } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import type { Service } from '../model.ts';
import { annotationsOf } from './annotations.ts';
import { dnsLabel, shortHash } from './names.ts';
import type { PodDraft } from './pod.ts';
import { wholeNumber, wholeSeconds } from './quantities.ts';
import type { Translation } from './translation.ts';

export type Workload = Deployment | DaemonSet | Job;

export function workloadOf(members: readonly string[], pod: PodDraft, translation: Translation): Workload {
  const [name = ''] = members;
  const service = translation.service(name);
  tellOfRestarts(name, service, translation);
  if (isJob(name, translation)) return jobOf(name, service, pod.template, translation);
  const place = `services.${name}.deploy`;
  const annotations = {
    ...annotationsOf(service.deploy?.labels, `${place}.labels`, translation),
    ...(readsContents(members, translation) && { 'naru.io/reload': 'true' }),
  };
  const metadata = {
    name: dnsLabel(name),
    labels: translation.selector(name),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  const selector = { matchLabels: translation.selector(name) };
  const delay = service.deploy?.update_config?.delay;
  const minReadySeconds =
    delay === undefined
      ? {}
      : { minReadySeconds: wholeSeconds(delay, translation.where(`${place}.update_config.delay`)) };
  const common = { selector, ...minReadySeconds, template: pod.template };
  if (service.deploy?.mode === 'global') {
    const update = rollingUpdate(service, translation.where(`${place}.update_config`));
    return {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata,
      spec: { ...common, ...(update && { updateStrategy: { type: 'RollingUpdate', rollingUpdate: update } }) },
    };
  }
  const strategy = strategyOf(name, service, pod, translation);
  const replicas = replicasOf(name, service, translation);
  // Where nothing is said, others may: naru scale, an autoscaler.
  const isCounted = service.scale !== undefined || service.deploy?.replicas !== undefined;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { ...(isCounted && { replicas }), ...(strategy && { strategy }), ...common },
  };
}

/** Pods that mount configs or secrets are replaced when those change: the loop `reload` sees to it. */
const readsContents = (members: readonly string[], translation: Translation): boolean =>
  members.some((member) => {
    const { configs = [], secrets = [] } = translation.service(member);
    return configs.length + secrets.length > 0;
  });

function replicasOf(name: string, service: Service, translation: Translation): number {
  const { scale } = service;
  const replicas = service.deploy?.replicas;
  const where = translation.where(`services.${name}`);
  if (scale !== undefined && replicas !== undefined && Number(scale) !== Number(replicas)) {
    throw new ManifestError(`${where}: scale (${scale}) and deploy.replicas (${replicas}) differ; keep one of them`);
  }
  return wholeNumber(replicas ?? scale ?? 1, where);
}

interface RollingUpdate {
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
}

/** Undefined: nothing was said. */
function rollingUpdate(service: Service, where: string): RollingUpdate | undefined {
  const { parallelism, order } = service.deploy?.update_config ?? {};
  if (parallelism === undefined && order === undefined) return undefined;
  const count = parallelism === undefined ? 1 : wholeNumber(parallelism, where);
  const step = count === 0 ? '100%' : count;
  return order === 'start-first' ? { maxSurge: step, maxUnavailable: 0 } : { maxSurge: 0, maxUnavailable: step };
}

function strategyOf(
  name: string,
  service: Service,
  { template, claims }: PodDraft,
  translation: Translation,
): NonNullable<Deployment['spec']>['strategy'] {
  const place = `services.${name}`;
  const holdsPort =
    template.spec?.containers.some(({ ports }) => ports?.some(({ hostPort }) => hostPort !== undefined)) ?? false;
  const isOnHost = template.spec?.hostNetwork === true;
  const rolling = rollingUpdate(service, translation.where(`${place}.deploy.update_config`));
  if (claims.size > 0 || holdsPort || isOnHost) {
    if (rolling !== undefined && rolling.maxUnavailable === 0) {
      translation.note(
        `${place}.deploy.update_config.order`,
        'start-first is not carried over: two pods cannot hold one volume or port of the machine, so the old one ends first',
      );
    }
    if (claims.size > 0 && replicasOf(name, service, translation) > 1) {
      translation.note(
        `${place}.volumes`,
        "all replicas share the volume, and so one node: a claim of the default StorageClass is one node's",
      );
    }
    return { type: 'Recreate' };
  }
  return rolling && { type: 'RollingUpdate', rollingUpdate: rolling };
}

type Restart = 'no' | 'on-failure' | 'always';

/** Undefined: nothing was said. */
function restartOf({ restart, deploy }: Service): Restart | undefined {
  const { condition } = deploy?.restart_policy ?? {};
  if (condition !== undefined)
    return condition === 'none' ? 'no' : condition === 'on-failure' ? 'on-failure' : 'always';
  if (restart === undefined) return undefined;
  if (restart === 'no') return 'no';
  return restart.startsWith('on-failure') ? 'on-failure' : 'always';
}

export function isJob(name: string, translation: Translation): boolean {
  const service = translation.service(name);
  if (service.deploy?.mode === 'global') return false;
  if (service.deploy?.mode?.endsWith('-job')) return true;
  const others = [...translation.project.services.values()];
  const isAwaited = others.some(
    ({ depends_on: needs }) => needs?.[name]?.condition === 'service_completed_successfully',
  );
  const isServing = others.some(({ depends_on: needs }) => needs?.[name]?.condition === 'service_healthy');
  return isAwaited || (restartOf(service) === 'no' && (service.ports ?? []).length === 0 && !isServing);
}

function tellOfRestarts(name: string, service: Service, translation: Translation): void {
  const place = `services.${name}`;
  const { mode } = service.deploy ?? {};
  const job = isJob(name, translation);
  if (mode !== undefined && !['replicated', 'global', 'replicated-job'].includes(mode)) {
    translation.note(`${place}.deploy.mode`, `${mode} is not carried over: it is a ${job ? 'Job' : 'Deployment'}`);
  }
  if (job) return;
  const restart = restartOf(service);
  if (restart === 'on-failure' || restart === 'no') {
    translation.note(
      `${place}.restart`,
      `${restart} is not carried over: its pods are always restarted, also after success`,
    );
  }
  if (service.deploy?.restart_policy?.max_attempts !== undefined) {
    translation.note(
      `${place}.deploy.restart_policy.max_attempts`,
      'not carried over: restarts of a Deployment have no end',
    );
  }
}

/** How often Kubernetes tries a Job again where nothing is said. */
const attemptsUsual = 6;

function attemptsOf(service: Service, where: string): number {
  const written = /^on-failure:(\d+)$/.exec(service.restart ?? '')?.[1];
  const most = service.deploy?.restart_policy?.max_attempts ?? written;
  if (most !== undefined) return wholeNumber(most, where);
  return restartOf(service) === undefined || restartOf(service) === 'no' ? 0 : attemptsUsual;
}

function jobOf(name: string, service: Service, template: PodTemplateSpec, translation: Translation): Job {
  const count = replicasOf(name, service, translation);
  const backoffLimit = attemptsOf(service, translation.where(`services.${name}.restart`));
  const { metadata, spec: podSpec } = template;
  const spec: NonNullable<Job['spec']> = {
    backoffLimit,
    ...(count > 1 && { completions: count, parallelism: count }),
    template: {
      ...(metadata && { metadata }),
      spec: { containers: [], ...podSpec, restartPolicy: backoffLimit > 0 ? 'OnFailure' : 'Never' },
    },
  };
  const annotations = annotationsOf(service.deploy?.labels, `services.${name}.deploy.labels`, translation);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${dnsLabel(name, 50)}-${shortHash(JSON.stringify(spec))}`,
      labels: translation.selector(name),
      ...(annotations && { annotations }),
    },
    spec,
  };
}
