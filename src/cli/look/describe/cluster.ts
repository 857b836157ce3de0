/** Nodes, namespaces, who may do what, and definitions of further kinds. Pure but for what is asked. */

import { containersTogether } from '../../../api/pod-requests.ts';
import {
  addQuantities,
  formatQuantity,
  integerValue,
  milliValue,
  parseQuantity,
  type Quantity,
} from '../../../api/quantity.ts';
import type { CustomResourceDefinition } from '../../../api/schema/types/apiextensions-v1.ts';
import type {
  LimitRange,
  Namespace,
  Node,
  Pod,
  ResourceQuota,
  ServiceAccount,
} from '../../../api/schema/types/core-v1.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../../../api/schema/types/rbac-v1.ts';
import { ageSince } from '../../../api/table/duration.ts';
import { type Asker, conditionsOf, type Describer, pairs, table, timeText } from './common.ts';
import type { Entry, Value } from './layout.ts';

const describeNode: Describer<Node> = async ({ metadata, spec, status }, ask) => {
  const name = metadata?.name ?? '';
  const [pods, leases] = await Promise.all([
    ask.list<Pod>('/api/v1/pods', {
      fieldSelector: `spec.nodeName=${name},status.phase!=Succeeded,status.phase!=Failed`,
    }),
    ask.list<{ metadata?: { name?: string }; spec?: { renewTime?: string } }>(
      '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
      {
        fieldSelector: `metadata.name=${name}`,
      },
    ),
  ]);
  const allocatable = status?.allocatable ?? {};
  return [
    [
      'Roles',
      Object.keys(metadata?.labels ?? {}).flatMap(
        (label) => /^node-role\.kubernetes\.io\/(.+)$/.exec(label)?.[1] ?? [],
      ),
    ],
    ['Taints', (spec?.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`)],
    ['Unschedulable', spec?.unschedulable === true],
    ['Last Heartbeat', timeText(leases[0]?.spec?.renewTime, ask.nowMs)],
    conditionsOf(status?.conditions, ask),
    ['Addresses', (status?.addresses ?? []).map(({ type, address }) => `${type}: ${address}`)],
    ['Capacity', pairs(status?.capacity, ': ')],
    ['Allocatable', pairs(allocatable, ': ')],
    [
      'System Info',
      {
        entries: Object.entries(status?.nodeInfo ?? {}).flatMap(([key, value]): Entry[] =>
          typeof value === 'string' && value !== '' ? [[titleOf(key), value]] : [],
        ),
      },
    ],
    ['Pod CIDRs', spec?.podCIDRs],
    [
      'Pods',
      table(
        ['Namespace', 'Name', 'CPU Requests', 'CPU Limits', 'Memory Requests', 'Memory Limits', 'Age'],
        pods.map((pod) => podRow(pod, allocatable, ask)),
      ),
    ],
    ['Allocated Resources', allocated(pods, allocatable)],
  ];
};

const titleOf = (key: string): string =>
  (key.charAt(0).toUpperCase() + key.slice(1)).replace(/([a-z])([A-Z])/g, '$1 $2');

const zero = parseQuantity('0');

function shareText(name: string, amount: Quantity, allocatable: Readonly<Record<string, string>>): string {
  const text = formatQuantity(amount);
  const all = allocatable[name];
  if (all === undefined) return text;
  const [part, whole] = name === 'cpu' ? [milliValue(text), milliValue(all)] : [integerValue(text), integerValue(all)];
  return `${text} (${whole === 0 ? 0 : Math.trunc((part / whole) * 100)}%)`;
}

function podRow({ metadata, spec }: Pod, allocatable: Readonly<Record<string, string>>, ask: Asker): string[] {
  const of = (which: 'limits' | 'requests') =>
    spec === undefined ? new Map<string, Quantity>() : containersTogether(spec, which);
  const [requests, limits] = [of('requests'), of('limits')];
  return [
    metadata?.namespace ?? '',
    metadata?.name ?? '',
    ...['cpu', 'memory'].flatMap((name) =>
      [requests, limits].map((amounts) => shareText(name, amounts.get(name) ?? zero, allocatable)),
    ),
    ageSince(metadata?.creationTimestamp, ask.nowMs),
  ];
}

function allocated(pods: readonly Pod[], allocatable: Readonly<Record<string, string>>): Value {
  const sum = (which: 'limits' | 'requests'): Map<string, Quantity> => {
    const total = new Map<string, Quantity>();
    for (const { spec } of pods) {
      for (const [name, amount] of spec === undefined ? [] : containersTogether(spec, which)) {
        total.set(name, addQuantities(total.get(name) ?? zero, amount));
      }
    }
    return total;
  };
  const [requests, limits] = [sum('requests'), sum('limits')];
  const names = [...new Set(['cpu', 'memory', 'ephemeral-storage', ...requests.keys(), ...limits.keys()])];
  return table(
    ['Resource', 'Requests', 'Limits'],
    names.map((name) => [
      name,
      ...[requests, limits].map((amounts) => shareText(name, amounts.get(name) ?? zero, allocatable)),
    ]),
  );
}

const describeNamespace: Describer<Namespace> = async ({ metadata, status }, ask) => {
  const base = `/api/v1/namespaces/${metadata?.name ?? ''}`;
  const [quotas, limits] = await Promise.all([
    ask.list<ResourceQuota>(`${base}/resourcequotas`),
    ask.list<LimitRange>(`${base}/limitranges`),
  ]);
  return [
    ['Phase', status?.phase],
    conditionsOf(status?.conditions, ask),
    [
      'Resource Quotas',
      quotas.length === 0
        ? 'none'
        : table(
            ['Quota', 'Resource', 'Used', 'Hard'],
            quotas.flatMap((quota) => quotaRows(quota).map((row) => [quota.metadata?.name ?? '', ...row])),
          ),
    ],
    ['Limit Ranges', limits.length === 0 ? 'none' : limits.map((each) => each.metadata?.name ?? '')],
  ];
};

const quotaRows = ({ status, spec }: ResourceQuota): string[][] =>
  Object.entries(status?.hard ?? spec?.hard ?? {}).map(([name, hard]) => [name, status?.used?.[name] ?? '0', hard]);

const describeQuota: Describer<ResourceQuota> = (quota) => [
  ['Scopes', quota.spec?.scopes],
  ['Amounts', table(['Resource', 'Used', 'Hard'], quotaRows(quota))],
];

const describeLimits: Describer<LimitRange> = ({ spec }) => [
  [
    'Limits',
    table(
      ['Type', 'Resource', 'Min', 'Max', 'Default Request', 'Default Limit'],
      (spec?.limits ?? []).flatMap((limit) => {
        const lists = [limit.min, limit.max, limit.defaultRequest, limit.default];
        const names = [...new Set(lists.flatMap((list) => Object.keys(list ?? {})))];
        return names.map((name) => [limit.type, name, ...lists.map((list) => list?.[name] ?? '-')]);
      }),
    ),
  ],
];

const describeAccount: Describer<ServiceAccount> = (account) => [
  ['Image Pull Secrets', (account.imagePullSecrets ?? []).map(({ name }) => name ?? '')],
  ['Mountable Secrets', account.secrets?.map(({ name }) => name ?? '')],
  ['Automount Token', account.automountServiceAccountToken],
];

/** A row for each resource, since a list of thirty fits on no line. */
function ruleRows({ resources, nonResourceURLs, resourceNames, verbs, apiGroups }: PolicyRule): string[][] {
  const named = (resources ?? []).flatMap((resource) =>
    (apiGroups ?? ['']).map((group) => (group === '' ? resource : `${resource}.${group}`)),
  );
  const names = (resourceNames ?? []).join(',') || '(all)';
  return [
    ...named.map((resource) => [resource, names, verbs.join(',')]),
    ...(nonResourceURLs ?? []).map((url) => [url, '-', verbs.join(',')]),
  ];
}

const describeRole: Describer<ClusterRole> = ({ rules, aggregationRule }) => [
  ['Aggregated', aggregationRule === undefined ? undefined : 'from the roles that its selectors find'],
  ['Rules', table(['Resource or URL', 'Names', 'Verbs'], (rules ?? []).flatMap(ruleRows))],
];

const describeBinding: Describer<ClusterRoleBinding> = ({ roleRef, subjects }) => [
  ['Role', `${roleRef.kind}/${roleRef.name}`],
  [
    'Subjects',
    table(
      ['Kind', 'Name', 'Namespace'],
      (subjects ?? []).map(({ kind, name, namespace }) => [kind, name, namespace ?? '-']),
    ),
  ],
];

/** Its schema is long, and `naru get crd NAME -o yaml` shows it. */
const describeDefinition: Describer<CustomResourceDefinition> = ({ spec, status }, ask) => [
  ['Group', spec.group],
  ['Scope', spec.scope],
  [
    'Names',
    {
      entries: [
        ['Kind', spec.names.kind],
        ['Plural', spec.names.plural],
        ['Singular', spec.names.singular],
        ['Short Names', spec.names.shortNames],
        ['Categories', spec.names.categories],
      ],
    },
  ],
  [
    'Versions',
    table(
      ['Name', 'Served', 'Storage', 'Deprecated', 'Subresources'],
      spec.versions.map((version) => [
        version.name,
        String(version.served),
        String(version.storage),
        String(version.deprecated ?? false),
        Object.keys(version.subresources ?? {}).join(',') || '-',
      ]),
    ),
  ],
  ['Conversion', spec.conversion?.strategy],
  ['Stored Versions', status?.storedVersions],
  conditionsOf(status?.conditions, ask),
];

export const clusterDescribers: Readonly<Record<string, Describer<never>>> = {
  'Node.': describeNode,
  'Namespace.': describeNamespace,
  'ResourceQuota.': describeQuota,
  'LimitRange.': describeLimits,
  'ServiceAccount.': describeAccount,
  'Role.rbac.authorization.k8s.io': describeRole,
  'ClusterRole.rbac.authorization.k8s.io': describeRole,
  'RoleBinding.rbac.authorization.k8s.io': describeBinding,
  'ClusterRoleBinding.rbac.authorization.k8s.io': describeBinding,
  'CustomResourceDefinition.apiextensions.k8s.io': describeDefinition,
};
