/** `deploy.placement` and `platform`: which nodes a pod may go to. */
import type {
  Affinity,
  NodeSelectorRequirement,
  PodSpec,
  TopologySpreadConstraint,
} from '../../api/schema/types/core-v1.ts';
import { isQualifiedName } from './names.ts';
import { wholeNumber } from './quantities.ts';
import type { Translation } from './translation.ts';

type Placement = Pick<PodSpec, 'affinity' | 'topologySpreadConstraints' | 'nodeSelector'>;

const hostName = 'kubernetes.io/hostname';

export function placementOf(name: string, translation: Translation): Placement {
  const service = translation.service(name);
  const place = `services.${name}`;
  const { constraints = [], preferences = [], max_replicas_per_node: most } = service.deploy?.placement ?? {};
  const labelSelector = { matchLabels: translation.selector(name) };
  const matchExpressions = constraints.flatMap((text) => constraint(text, `${place}.deploy.placement`, translation));
  const perNode = most === undefined ? 0 : wholeNumber(most, translation.where(`${place}.deploy.placement`));
  if (perNode > 1) {
    translation.note(
      `${place}.deploy.placement.max_replicas_per_node`,
      `${perNode} is not carried over: pods are spread evenly over nodes instead`,
    );
  }
  const affinity: Affinity = {
    ...(matchExpressions.length > 0 && {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
    }),
    ...(perNode === 1 && {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector, topologyKey: hostName }],
      },
    }),
  };
  const spread = [
    ...preferences.flatMap(({ spread: by }) => spreadKey(by, place, translation)),
    ...(perNode > 1 ? [hostName] : []),
  ].map(
    (topologyKey): TopologySpreadConstraint => ({
      maxSkew: 1,
      topologyKey,
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector,
    }),
  );
  const nodeSelector = platformOf(service.platform);
  return {
    ...(Object.keys(affinity).length > 0 && { affinity }),
    ...(spread.length > 0 && { topologySpreadConstraints: spread }),
    ...(nodeSelector && { nodeSelector }),
  };
}

const nodeKeys: Readonly<Record<string, string>> = {
  'node.hostname': hostName,
  'node.platform.os': 'kubernetes.io/os',
  'node.platform.arch': 'kubernetes.io/arch',
};

const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

function constraint(text: string, place: string, translation: Translation): NodeSelectorRequirement[] {
  const [, left = '', sign = '', right = ''] = /^\s*([^=!\s]+)\s*(==|!=)\s*(.*?)\s*$/.exec(text) ?? [];
  const isEqual = sign === '==';
  if (left === 'node.role') {
    const isManager = (right === 'manager') === isEqual;
    return [{ key: 'node-role.kubernetes.io/control-plane', operator: isManager ? 'Exists' : 'DoesNotExist' }];
  }
  const key = nodeKeys[left] ?? (left.startsWith('node.labels.') ? left.slice('node.labels.'.length) : undefined);
  if (key === undefined || !isQualifiedName(key)) {
    translation.note(
      `${place}.constraints`,
      `${JSON.stringify(text)} is not carried over: nodes have no such label here`,
    );
    return [];
  }
  const value = left === 'node.platform.arch' ? (architectures[right] ?? right) : right;
  return [{ key, operator: isEqual ? 'In' : 'NotIn', values: [value] }];
}

function spreadKey(by: string | undefined, place: string, translation: Translation): string[] {
  const key = /^node\.labels\.(.+)$/.exec(by ?? '')?.[1];
  if (key !== undefined && isQualifiedName(key)) return [key];
  if (by !== undefined)
    translation.note(
      `${place}.deploy.placement.preferences`,
      `${by} is not carried over: pods are spread by labels of nodes (node.labels.NAME)`,
    );
  return [];
}

function platformOf(platform: string | undefined): Record<string, string> | undefined {
  if (platform === undefined) return undefined;
  const [os = 'linux', architecture] = platform.split('/');
  return {
    'kubernetes.io/os': os,
    ...(architecture !== undefined && { 'kubernetes.io/arch': architectures[architecture] ?? architecture }),
  };
}
