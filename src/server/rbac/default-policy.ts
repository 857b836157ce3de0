/**
 * The default policy as objects: ClusterRoles, ClusterRoleBindings, Roles and RoleBindings that every cluster has, made from the tables.
 * Each carries upstream's label and the annotation that lets a start put right what is missing in it.
 */
import { aggregatedRules } from '../../api/cluster-role-aggregation.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../api/schema/types/rbac-v1.ts';
import { bootstrapRoles, clusterRoleSubjects, joiningBindings } from './bootstrap-bindings.ts';
import { aggregatedInto, aggregatedRoles, bootstrapClusterRoles } from './bootstrap-cluster-roles.ts';
import { bootstrapControllerRoles } from './bootstrap-controller-roles.ts';
import { ruleOf } from './policy-text.ts';

export const autoUpdateAnnotation = 'rbac.authorization.kubernetes.io/autoupdate';

const group = 'rbac.authorization.k8s.io';
const aggregateTo = `${group}/aggregate-to-`;

export type PolicyResource = 'clusterroles' | 'clusterrolebindings' | 'roles' | 'rolebindings';

export interface DefaultPolicy {
  readonly clusterroles: readonly ClusterRole[];
  readonly clusterrolebindings: readonly ClusterRoleBinding[];
  readonly roles: readonly Role[];
  readonly rolebindings: readonly RoleBinding[];
}

/** New objects with each call: whoever writes them may hand them over. */
export function defaultPolicy(): DefaultPolicy {
  const controllers = Object.entries(bootstrapControllerRoles);
  return {
    clusterroles: [
      ...aggregatedRoles.map(aggregatedRole),
      ...Object.entries(bootstrapClusterRoles).map(([name, lines]) => clusterRole(name, lines)),
      ...controllers.map(([name, lines]) => clusterRole(`system:controller:${name}`, lines)),
    ],
    clusterrolebindings: [
      ...Object.entries(clusterRoleSubjects).map(([name, subjects]) => clusterRoleBinding(name, subjects)),
      ...controllers.map(([name]) => clusterRoleBinding(`system:controller:${name}`, [`kube-system/${name}`])),
      ...joiningBindings.map(({ name, role, subject }) => clusterRoleBinding(name, [subject], role)),
    ],
    roles: bootstrapRoles.flatMap(({ namespace, name, rules }) =>
      rules === undefined ? [] : [{ ...typed('Role'), ...described(name, { namespace }), rules: rules.map(ruleOf) }],
    ),
    rolebindings: bootstrapRoles.flatMap(({ namespace, name, role = name, subjects }) =>
      subjects === undefined
        ? []
        : [
            {
              ...typed('RoleBinding'),
              ...described(name, { namespace }),
              subjects: subjects.map(subjectOf),
              roleRef: roleRef('Role', role),
            },
          ],
    ),
  };
}

/** The aggregated roles with the rules that they gather of the defaults, as their control loop would write them. */
export function withGatheredRules(roles: readonly ClusterRole[]): ClusterRole[] {
  // `admin` takes in `edit`, which takes in `view`: the last first.
  const gathered = [...roles];
  for (const name of aggregatedRoles.toReversed()) {
    const index = gathered.findIndex((role) => role.metadata?.name === name);
    const role = gathered[index];
    if (role !== undefined) gathered[index] = { ...role, rules: aggregatedRules(role, gathered) };
  }
  return gathered;
}

function aggregatedRole(name: string): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: { [`${aggregateTo}${name}`]: 'true' } }];
  return { ...clusterRole(name, []), aggregationRule: { clusterRoleSelectors } };
}

function clusterRole(name: string, lines: readonly string[]): ClusterRole {
  return { ...typed('ClusterRole'), ...described(name), rules: lines.map(ruleOf) };
}

function clusterRoleBinding(name: string, subjects: readonly string[], role = name): ClusterRoleBinding {
  return {
    ...typed('ClusterRoleBinding'),
    ...described(name),
    ...(subjects.length > 0 && { subjects: subjects.map(subjectOf) }),
    roleRef: roleRef('ClusterRole', role),
  };
}

const typed = (kind: string) => ({ apiVersion: `${group}/v1`, kind });

const roleRef = (kind: string, name: string): RoleRef => ({ apiGroup: group, kind, name });

function described(name: string, { namespace }: { readonly namespace?: string } = {}) {
  const target = namespace === undefined ? aggregatedInto[name] : undefined;
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: {
        'kubernetes.io/bootstrapping': 'rbac-defaults',
        ...(target !== undefined && { [`${aggregateTo}${target}`]: 'true' }),
      },
      annotations: { [autoUpdateAnnotation]: 'true' },
    },
  };
}

/** `Group:system:masters`, `User:system:kube-proxy`; `kube-system/kube-dns` is a service account. */
function subjectOf(text: string): Subject {
  const [kind = '', ...rest] = text.split(':');
  if (kind === 'User' || kind === 'Group') return { kind, apiGroup: group, name: rest.join(':') };
  const [namespace = '', name = ''] = text.split('/');
  return { kind: 'ServiceAccount', name, namespace };
}
