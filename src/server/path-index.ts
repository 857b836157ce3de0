/** `GET /`: the paths that there are, as upstream lists them. */
import type { ResourceTable } from '../api/resource-table.ts';
import { apiVersionOf } from '../api/resources.ts';
import { type HealthCheck, healthPaths } from './health.ts';

const fixed = [
  '/.well-known/openid-configuration',
  '/api',
  '/apis',
  '/apis/',
  '/metrics',
  '/metrics/slis',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/',
  '/openid/v1/jwks',
  '/version',
];

export function pathIndex(resources: ResourceTable, checks: readonly HealthCheck[]): { readonly paths: string[] } {
  const groups = resources.groups().flatMap(({ group, versions }) => {
    const paths = versions.map((version) => `${group === '' ? '/api' : '/apis'}/${apiVersionOf({ group, version })}`);
    return group === '' ? paths : [`/apis/${group}`, ...paths];
  });
  return { paths: [...new Set([...fixed, ...groups, ...healthPaths(checks)])].sort() };
}
