/**
 * The flow schemas and priority levels that upstream makes in every cluster: the two mandatory of each (`exempt`, `catch-all`) and those
 * it suggests, as data. Clients find and read them; requests here are bounded otherwise (`src/server/flow`).
 *
 * Kept true: each carries the annotation by which upstream tells those that it may bring up to date from those that a person has changed.
 */
import type { JsonObject, KubeObject } from '../api/object.ts';
import type { FlowSchema } from '../api/schema/types/flowcontrol-v1.ts';

const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

interface Queuing {
  readonly queues: number;
  readonly handSize: number;
}

function limited(name: string, shares: number, lendablePercent: number, queuing?: Queuing): JsonObject {
  const limitResponse =
    queuing === undefined ? { type: 'Reject' } : { type: 'Queue', queuing: { ...queuing, queueLengthLimit: 50 } };
  return {
    metadata: { name, annotations },
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse } },
  };
}

const few: Queuing = { queues: 16, handSize: 4 };
const some: Queuing = { queues: 64, handSize: 6 };
const many: Queuing = { queues: 128, handSize: 6 };

export const priorityLevels: readonly JsonObject[] = [
  {
    metadata: { name: 'exempt', annotations },
    spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  },
  limited('catch-all', 5, 0),
  limited('system', 30, 33, some),
  limited('node-high', 40, 25, some),
  limited('leader-election', 10, 0, few),
  limited('workload-high', 40, 50, many),
  limited('workload-low', 100, 90, many),
  limited('global-default', 20, 50, many),
];

const group = (name: string): JsonObject => ({ kind: 'Group', group: { name } });
const user = (name: string): JsonObject => ({ kind: 'User', user: { name } });

const everybody = [group('system:unauthenticated'), group('system:authenticated')];
const nodes = [group('system:nodes')];
const systemAccounts = [{ kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: 'kube-system' } }];

/** Of all namespaces, if of any. */
function resources(verbs: string[], apiGroup: string, names: string[], clusterScope = false): JsonObject {
  return { verbs, apiGroups: [apiGroup], resources: names, ...(clusterScope && { clusterScope }), namespaces: ['*'] };
}

const everything = {
  resourceRules: [resources(['*'], '*', ['*'], true)],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};
const leases = (...verbs: string[]): JsonObject => resources(verbs, 'coordination.k8s.io', ['leases']);

interface Flow {
  readonly level: string;
  /** The lowest that matches counts. */
  readonly precedence: number;
  /** What tells one flow from another; absent: nothing does. */
  readonly by?: 'ByUser' | 'ByNamespace';
  readonly subjects: JsonObject[];
  readonly rules?: JsonObject;
}

const probePaths = ['/healthz', '/readyz', '/livez'];

const flows: Readonly<Record<string, Flow>> = {
  exempt: { level: 'exempt', precedence: 1, subjects: [group('system:masters')] },
  probes: {
    level: 'exempt',
    precedence: 2,
    subjects: everybody,
    rules: { nonResourceRules: [{ verbs: ['get'], nonResourceURLs: probePaths }] },
  },
  'system-leader-election': {
    level: 'leader-election',
    precedence: 100,
    by: 'ByUser',
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler'), ...systemAccounts],
    rules: { resourceRules: [leases('get', 'create', 'update')] },
  },
  'system-node-high': {
    level: 'node-high',
    precedence: 400,
    by: 'ByUser',
    subjects: nodes,
    rules: { resourceRules: [resources(['*'], '', ['nodes', 'nodes/status'], true), leases('*')] },
  },
  'system-nodes': { level: 'system', precedence: 500, by: 'ByUser', subjects: nodes },
  'kube-controller-manager': {
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: [user('system:kube-controller-manager')],
  },
  'kube-scheduler': {
    level: 'workload-high',
    precedence: 800,
    by: 'ByNamespace',
    subjects: [user('system:kube-scheduler')],
  },
  'kube-system-service-accounts': {
    level: 'workload-high',
    precedence: 900,
    by: 'ByNamespace',
    subjects: systemAccounts,
  },
  'service-accounts': {
    level: 'workload-low',
    precedence: 9000,
    by: 'ByUser',
    subjects: [group('system:serviceaccounts')],
  },
  'global-default': { level: 'global-default', precedence: 9900, by: 'ByUser', subjects: everybody },
  'catch-all': { level: 'catch-all', precedence: 10_000, by: 'ByUser', subjects: everybody },
};

export const flowSchemas: readonly JsonObject[] = Object.entries(flows).map(
  ([name, { level, precedence, by, subjects, rules = everything }]) => ({
    metadata: { name, annotations },
    spec: {
      priorityLevelConfiguration: { name: level },
      matchingPrecedence: precedence,
      ...(by && { distinguisherMethod: { type: by } }),
      rules: [{ subjects, ...rules }],
    },
  }),
);

/**
 * The condition that a flow schema's priority level is there, for each that does not say so yet: its name, and what to apply to its
 * status. Since when: since both are there, which needs no clock, and is the same whoever says it.
 */
export function foundLevels(
  schemas: readonly KubeObject[],
  levels: readonly KubeObject[],
): readonly { readonly name: string; readonly body: JsonObject }[] {
  const madeAt = new Map(levels.map(({ metadata }) => [metadata?.name, metadata?.creationTimestamp ?? '']));
  return (schemas as readonly FlowSchema[]).flatMap(({ metadata, spec, status }) => {
    const level = spec?.priorityLevelConfiguration.name ?? '';
    const levelSince = madeAt.get(level);
    const message = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)} and it exists`;
    if (levelSince === undefined || status?.conditions?.some((each) => each.message === message)) return [];
    const name = metadata?.name ?? '';
    const since = [levelSince, metadata?.creationTimestamp ?? ''].sort().at(-1) ?? '';
    const condition = { type: 'Dangling', status: 'False', reason: 'Found', lastTransitionTime: since, message };
    const kind = { apiVersion: 'flowcontrol.apiserver.k8s.io/v1', kind: 'FlowSchema' };
    return [{ name, body: { ...kind, metadata: { name }, status: { conditions: [condition] } } }];
  });
}
