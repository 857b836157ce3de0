/**
 * Aggregated ClusterRoles: keeps the rules of each role that has an `aggregationRule` what its selectors gather from the others.
 * Any change of a role wakes all that aggregate; roles that gather aggregated ones follow one round later.
 */
import { aggregatedRules, sameRules } from '../api/cluster-role-aggregation.ts';
import type { ClusterRole } from '../api/schema/types/rbac-v1.ts';
import { ControlLoop, done } from '../client/controller.ts';
import { clusterRoles } from '../client/resources.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, contextFor, nameOf } from './shared/context.ts';

const account = 'clusterrole-aggregation-controller';

export function clusterRoleAggregation(context: ControllerContext): Service {
  const own = contextFor(context, account);
  const roles = context.informers.informer(clusterRoles);
  const loop = new ControlLoop({
    ...own,
    name: 'clusterrole-aggregation-controller',
    informers: [roles],
    reconcile: async (key) => {
      const role = roles.cache.byKey(key);
      if (role?.aggregationRule === undefined) return done;
      const rules = aggregatedRules(role, roles.cache.list());
      if (!sameRules(rules, role.rules ?? []))
        await own.client.update(clusterRoles, { ...role, rules }, { fieldManager: account });
      return done;
    },
  });
  const wake = (): void => {
    for (const role of roles.cache.list()) if (role.aggregationRule !== undefined) loop.queue.add(nameOf(role));
  };
  const changed = (role: ClusterRole, before: ClusterRole): void => {
    if (role.metadata?.resourceVersion !== before.metadata?.resourceVersion) wake();
  };
  roles.addHandler({ added: wake, updated: changed, deleted: wake });
  return loop;
}
