/** URLs' paths: good ones of every resource and subresource, and broken ones. */
import { resourceTable } from '../../../src/api/resource-table.ts';
import { apiVersionOf, type ResourceInfo } from '../../../src/api/resources.ts';
import type { Chance } from './chance.ts';
import { customServed } from './custom-kind.ts';
import { nastyText, prototypeKeys } from './nasty.ts';
import type { ObjectNames } from './valid-objects.ts';

export const served: readonly ResourceInfo[] = [...resourceTable().all, ...customServed];

/** Few, so that requests meet objects that others made. */
const names = ['a', 'b', 'c', 'node-a', 'kubernetes', 'default'] as const;
const namespaces = ['default', 'fuzz-1', 'fuzz-2'] as const;

export function namesFor(chance: Chance, resource: ResourceInfo): ObjectNames {
  const name =
    resource.resource === 'namespaces' ? chance.pick(['fuzz-1', 'fuzz-2', 'fuzz-3']) : nameFor(chance, resource);
  return { name, namespace: resource.namespaced ? chance.pick(namespaces) : '' };
}

/** Some kinds' names are made of what they name. */
function nameFor(chance: Chance, { kind }: ResourceInfo): string {
  switch (kind) {
    case 'APIService':
      return 'v1.x.example.com';
    case 'CustomResourceDefinition':
      return 'widgets.fuzz.example.com';
    case 'IPAddress':
      return chance.pick(['10.0.0.1', '10.0.0.2', 'fd00::1']);
    default:
      return chance.pick(names);
  }
}

const prefix = (resource: ResourceInfo): string =>
  `/${resource.group === '' ? 'api' : 'apis'}/${apiVersionOf(resource)}`;

/** `/api/v1/namespaces/default/pods`. */
export function collectionPath(resource: ResourceInfo, namespace: string): string {
  const within = resource.namespaced && namespace !== '' ? `/namespaces/${namespace}` : '';
  return `${prefix(resource)}${within}/${resource.resource}`;
}

export function objectPath(resource: ResourceInfo, { name, namespace }: ObjectNames, subresource = ''): string {
  const below = subresource === '' ? '' : `/${subresource}`;
  return `${collectionPath(resource, namespace)}/${name}${below}`;
}

/** Subresources of any resource, on any other. */
const subresources: readonly string[] = [
  ...new Set(served.flatMap((resource) => resource.subresources.map(({ name }) => name))),
  'x',
  '__proto__',
  'constructor',
];

const plainPaths: readonly string[] = [
  '/',
  '/api',
  '/api/',
  '/api/v1',
  '/api/v2',
  '/apis',
  '/apis/',
  '/apis/apps',
  '/apis/apps/v1',
  '/apis/apps/v9',
  '/apis/__proto__',
  '/apis/__proto__/constructor',
  '/apis/constructor/v1/toString',
  '/apis//v1',
  '/apis/fuzz.example.com',
  '/apis/fuzz.example.com/v1',
  '/apis/fuzz.example.com/v1/widgets',
  '/apis/fuzz.example.com/v1/namespaces/default/widgets/a',
  '/apis/fuzz.example.com/v2/gadgets',
  '/apis/x.example.com/v1',
  '/apis/x.example.com/v1/anything?x=y',
  '/apis/apps//deployments',
  '/openapi/v2',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/apps/v1?hash=x',
  '/openapi/v3/apis/__proto__/v1',
  '/openapi/v3/apis/fuzz.example.com/v1',
  '/openapi/v3/apis/x.example.com/v1',
  '/openapi/v3/..%2f..%2fetc',
  '/openapi/v9',
  '/metrics',
  '/metrics/slis',
  '/metrics/x',
  '/healthz',
  '/healthz/etcd',
  '/healthz/__proto__',
  '/livez?verbose',
  '/readyz?exclude=x&verbose',
  '/readyz/constructor',
  '/version',
  '/version/',
  '/.well-known/openid-configuration',
  '/openid/v1/jwks',
  '/index.html',
  '/logs',
  '/debug/pprof',
  '/ui',
  '/static/x',
  '/connect/v1/nodes/node-a',
  '/connect/v1/nodes/%',
  '/connect/v1/nodes/',
  '/api/v1/watch',
  '/api/v1/watch/',
  '/api/v1/watch/pods',
  '/api/v1/watch/namespaces/default/pods/a',
  '/api/v1/watch/namespaces',
  '/api/v1/namespaces/default',
  '/api/v1/namespaces/default/finalize',
  '/api/v1/namespaces/default/status',
  '/api/v1/namespaces/default/status/x/y',
  '/api/v1/namespaces/default/pods/a/exec/x',
  '/api/v1/namespaces/default/pods/a/proxy/x/../../y?a=b',
  '/api/v1/namespaces/default/pods/http:a:80/proxy/',
  '/api/v1/namespaces/default/services/https:a:x/proxy/%2e%2e/%00',
  '/api/v1/namespaces/default/services/a:b:c:d/proxy',
  '/api/v1/nodes/node-a/proxy/logs/',
  '/api/v1/nodes/node-a:10250/proxy/x',
  '/api/v1/proxy/nodes/node-a',
  '/api/v1/namespaces//pods',
  '/api/v1//pods',
  '/api/v1/pods/',
  '/api/v1/pods//',
  '/api/v1/namespaces/default/pods/..',
  '/api/v1/namespaces/default/pods/%2e%2e',
  '/api/v1/namespaces/default/pods/a%2fstatus',
  '/api/v1/namespaces/default/pods/%00',
  '/api/v1/namespaces/default/pods/%',
  '/api/v1/namespaces/default/pods/%zz',
  '/api/v1/namespaces/default/pods/%c3%28',
  '/api/v1/namespaces/default/pods/%ff%fe',
  '/api/v1/namespaces/%F0%9F%98%80/pods',
  '//api/v1/pods',
  '/./api/v1/pods',
  '/api/v1/../v1/pods',
  '/API/V1/PODS',
  '/api/v1/pods;x=y',
  '/api/v1/pods?',
  '/api/v1/pods??watch=1&timeoutSeconds=1',
  '/*',
  '/?',
  `/${'a/'.repeat(5_000)}`,
  `/api/v1/namespaces/default/pods/${'a'.repeat(50_000)}`,
  `/api/v1/namespaces/${'%61'.repeat(5_000)}/pods`,
  `/apis/${'x'.repeat(20_000)}/v1/y`,
];

export function strangePath(chance: Chance): string {
  if (chance.percent(45)) return chance.pick(plainPaths);
  const resource = chance.pick(served);
  const names = namesFor(chance, resource);
  const path = objectPath(resource, names, chance.percent(60) ? chance.pick(subresources) : '');
  return chance.percent(40) ? path : mangled(chance, path);
}

/** One segment of it replaced, doubled, emptied or encoded. */
function mangled(chance: Chance, path: string): string {
  const segments = path.split('/');
  const at = 1 + chance.int(segments.length - 1);
  const segment = segments[at] as string;
  const instead = chance.pick<() => string>([
    () => '',
    () => '.',
    () => '..',
    () => chance.pick(prototypeKeys),
    () => encodeURIComponent(nastyText(chance).toWellFormed()),
    () => `${segment}/${segment}`,
    () => `%${Buffer.from(segment).toString('hex').match(/../g)?.join('%') ?? ''}`,
    () => `${segment}%`,
    () => `${segment}%2f..`,
    () => segment.toUpperCase(),
    () => 'watch',
    () => 'namespaces',
    () => '*',
    () => '-',
  ])();
  segments[at] = instead;
  return segments.join('/');
}
