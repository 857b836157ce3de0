/**
 * One line for one PolicyRule, so that the default policy can be read as a table:
 *
 * ```
 * get,list core pods,pods/log          verbs, API groups, resources; `core` is the group without a name
 * update core configmaps cluster-info  … and the names of the only objects meant
 * get /healthz,/livez/*                verbs and URLs that name no resource; `url:*` for all of them
 * ```
 * `read`, `write`, `readwrite` and `readupdate` stand for the usual sets of verbs.
 */
import type { PolicyRule } from '../../api/schema/types/rbac-v1.ts';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const verbSets: Readonly<Record<string, readonly string[]>> = {
  read,
  write,
  readwrite: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  readupdate: ['get', 'list', 'patch', 'update', 'watch'],
};

export function ruleOf(line: string): PolicyRule {
  const [verbText = '', where = '', resources, names] = line.split(' ');
  const verbs = [...(verbSets[verbText] ?? verbText.split(','))];
  if (resources === undefined) return { verbs, nonResourceURLs: where.replace('url:', '').split(',') };
  return {
    verbs,
    apiGroups: where.split(',').map((group) => (group === 'core' ? '' : group)),
    resources: resources.split(','),
    ...(names !== undefined && { resourceNames: names.split(',') }),
  };
}
