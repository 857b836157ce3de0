/**
 * Whether an object does what it is there for: the one place that knows when a Deployment is rolled out, a Job done, a claim bound. `naru up`,
 * `naru rollout status`, `naru status` and `naru why` all ask here.
 *
 * The object alone is enough, but for a Service, whose endpoints are objects of their own. Kinds without a row are judged by what custom
 * resources have agreed on: `observedGeneration` and the conditions Stalled, Reconciling, Ready, Available, Programmed.
 */
import type { KubeObject } from '../api/object.ts';
import type { Condition } from '../api/schema/types/meta-v1.ts';
import {
  conditionText,
  failing,
  type Health,
  type HealthRules,
  healthy,
  isBehind,
  progressing,
  type Related,
  unseenMessage,
} from './health/base.ts';
import { clusterHealth } from './health/cluster.ts';
import { networkHealth } from './health/network.ts';
import { podHealth } from './health/pod.ts';
import { storageHealth } from './health/storage.ts';
import { workloadHealth } from './health/workloads.ts';

export type { Health, Related };

const rules: HealthRules = {
  ...workloadHealth,
  ...podHealth,
  ...networkHealth,
  ...storageHealth,
  ...clusterHealth,
};

/** Kinds that have no state of their own are healthy when they exist. */
export function healthOf(object: KubeObject, related: Related = {}): Health {
  if (object.metadata?.deletionTimestamp !== undefined) return leaving(object);
  const group = (object.apiVersion ?? '').includes('/') ? (object.apiVersion ?? '').split('/')[0] : '';
  const rule = rules[`${object.kind ?? ''}.${group}`] as ((object: KubeObject, related: Related) => Health) | undefined;
  return rule === undefined ? customHealth(object) : rule(object, related);
}

function leaving({ metadata }: KubeObject): Health {
  const finalizers = metadata?.finalizers ?? [];
  return progressing(`it is being deleted${finalizers.length > 0 ? `, and waits for ${finalizers.join(', ')}` : ''}`);
}

interface WithConditions extends KubeObject {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

/** The first of these that an object has decides. */
const goodConditions = ['Ready', 'Available', 'Programmed', 'Accepted'];

/** @see https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md for the meaning of the conditions */
function customHealth(object: WithConditions): Health {
  const { metadata, status, kind = 'object' } = object;
  if (isBehind(metadata?.generation, status?.observedGeneration)) return progressing(unseenMessage);
  const conditions = Array.isArray(status?.conditions) ? status.conditions : [];
  const of = (type: string): Condition | undefined => conditions.find((condition) => condition.type === type);
  const stalled = of('Stalled');
  if (stalled?.status === 'True') return failing(conditionText(stalled));
  const reconciling = of('Reconciling');
  if (reconciling?.status === 'True') return progressing(conditionText(reconciling));
  const good = goodConditions.map(of).find((condition) => condition !== undefined);
  if (good === undefined) return healthy(`the ${kind} exists`);
  return good.status === 'True'
    ? healthy(`it is ${good.type}`)
    : progressing(`not ${good.type}: ${conditionText(good)}`);
}
