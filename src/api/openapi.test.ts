import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OpenApi } from './openapi.ts';
import { resourceTable } from './resource-table.ts';
import { builtinSchema } from './schema/load.ts';

type Json = Record<string, unknown>;

const options = { schema: builtinSchema(), resources: resourceTable(), version: 'v1.36.0' };
const openApi = new OpenApi(options);

function parsed(document: { readonly json: Buffer } | undefined): Json {
  assert.ok(document);
  return JSON.parse(document.json.toString()) as Json;
}

/** Follows member names down. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((found, name) => (found as Json | undefined)?.[name], value);
}

const apps = parsed(openApi.v3('apis/apps/v1'));
const core = parsed(openApi.v3('api/v1'));
const v2 = parsed(openApi.v2());

test('the index names each group and version, with the hash of its document', () => {
  const paths = at(parsed(openApi.index()), 'paths') as Record<string, { serverRelativeURL: string }>;
  const { hash } = openApi.v3('apis/apps/v1') ?? {};
  assert.equal(paths['apis/apps/v1']?.serverRelativeURL, `/openapi/v3/apis/apps/v1?hash=${hash}`);
  const groups = resourceTable().groups();
  const versions = groups.flatMap((group) => group.versions);
  // And one for each named group, and `api`, `apis` and `version`.
  assert.equal(Object.keys(paths).length, versions.length + groups.length - 1 + 3);
  assert.equal(openApi.v3('apis/example.com/v1'), undefined);
  assert.equal(openApi.v3('apis/apps/v1/deployments'), undefined);
});

test('every PATCH of every kind takes fieldValidation, which is how kubectl tells that the server validates', () => {
  let patches = 0;
  for (const document of [apps, core]) {
    for (const [path, item] of Object.entries(document.paths as Json)) {
      const patch = at(item, 'patch');
      if (patch === undefined || /\/proxy(\/\{path\})?$/.test(path)) continue;
      patches++;
      const parameters = at(patch, 'parameters') as { readonly name: string }[];
      assert.ok(
        parameters.some(({ name }) => name === 'fieldValidation'),
        path,
      );
      assert.ok(at(patch, 'x-kubernetes-group-version-kind', 'kind'), path);
    }
  }
  assert.ok(patches > 20);
});

test('fields carry what apply and patches need', () => {
  const podSpec = at(core, 'components', 'schemas', 'io.k8s.api.core.v1.PodSpec');
  const containers = at(podSpec, 'properties', 'containers') as Json;
  assert.equal(containers['x-kubernetes-list-type'], 'map');
  assert.deepEqual(containers['x-kubernetes-list-map-keys'], ['name']);
  assert.equal(containers['x-kubernetes-patch-merge-key'], 'name');
  assert.equal(containers['x-kubernetes-patch-strategy'], 'merge');
  assert.deepEqual(at(podSpec, 'required'), ['containers']);
  assert.equal(at(podSpec, 'properties', 'nodeSelector', 'x-kubernetes-map-type'), 'atomic');
  assert.equal(at(podSpec, 'properties', 'volumes', 'x-kubernetes-patch-strategy'), 'merge,retainKeys');
  const container = at(core, 'components', 'schemas', 'io.k8s.api.core.v1.Container', 'properties');
  assert.deepEqual(at(container, 'imagePullPolicy', 'enum'), ['Always', 'IfNotPresent', 'Never']);
});

test('kinds are marked as such and lists are among them', () => {
  const schemas = at(apps, 'components', 'schemas');
  const gvk = (name: string): unknown => at(schemas, `io.k8s.api.apps.v1.${name}`, 'x-kubernetes-group-version-kind');
  assert.deepEqual(gvk('Deployment'), [{ group: 'apps', version: 'v1', kind: 'Deployment' }]);
  assert.deepEqual(gvk('DeploymentList'), [{ group: 'apps', version: 'v1', kind: 'DeploymentList' }]);
  assert.equal(gvk('DeploymentSpec'), undefined);
});

function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    key === '$ref' && typeof child === 'string' ? [child] : references(child),
  );
}

test('every reference leads to a schema of the same document', () => {
  for (const document of [apps, core]) {
    const schemas = at(document, 'components', 'schemas') as Json;
    for (const reference of references(document)) {
      assert.ok(schemas[reference.replace('#/components/schemas/', '')], reference);
    }
  }
  for (const reference of references(v2)) {
    assert.ok((v2.definitions as Json)[reference.replace('#/definitions/', '')], reference);
  }
});

test('paths, parameters and operation ids are upstream’s', () => {
  const pods = at(core, 'paths', '/api/v1/namespaces/{namespace}/pods/{name}');
  assert.equal(at(pods, 'get', 'operationId'), 'readCoreV1NamespacedPod');
  assert.deepEqual(
    (at(pods, 'parameters') as Json[]).map(({ name }) => name),
    ['name', 'namespace'],
  );
  const ids = (path: string, method: string): unknown => at(core, 'paths', path, method, 'operationId');
  assert.equal(ids('/api/v1/pods', 'get'), 'listCoreV1PodForAllNamespaces');
  assert.equal(ids('/api/v1/namespaces/{namespace}/pods/{name}/status', 'patch'), 'patchCoreV1NamespacedPodStatus');
  assert.equal(ids('/api/v1/namespaces/{namespace}/pods/{name}/exec', 'post'), 'connectCoreV1PostNamespacedPodExec');
  assert.equal(ids('/api/v1/namespaces/{name}', 'get'), 'readCoreV1Namespace');
  assert.deepEqual(
    at(
      apps,
      'paths',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale',
      'get',
      'x-kubernetes-group-version-kind',
    ),
    {
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
    },
  );
});

const ofLease: Readonly<Record<string, readonly string[]>> = {
  '/apis/coordination.k8s.io/v1/': ['getCoordinationV1APIResources'],
  '/apis/coordination.k8s.io/v1/leases': ['listCoordinationV1LeaseForAllNamespaces'],
  '/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases': [
    'createCoordinationV1NamespacedLease',
    'deleteCoordinationV1CollectionNamespacedLease',
    'listCoordinationV1NamespacedLease',
  ],
  '/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}': [
    'deleteCoordinationV1NamespacedLease',
    'patchCoordinationV1NamespacedLease',
    'readCoordinationV1NamespacedLease',
    'replaceCoordinationV1NamespacedLease',
  ],
  '/apis/coordination.k8s.io/v1/watch/leases': ['watchCoordinationV1LeaseListForAllNamespaces'],
  '/apis/coordination.k8s.io/v1/watch/namespaces/{namespace}/leases': ['watchCoordinationV1NamespacedLeaseList'],
  '/apis/coordination.k8s.io/v1/watch/namespaces/{namespace}/leases/{name}': ['watchCoordinationV1NamespacedLease'],
};

/** The operations of a path's item, which may have parameters beside them. */
function operationsOf(item: unknown): Json[] {
  return Object.entries(item as Json).flatMap(([name, value]) => (name === 'parameters' ? [] : [value as Json]));
}

test('a group and version has the paths and operations that upstream publishes', () => {
  const paths = parsed(openApi.v3('apis/coordination.k8s.io/v1')).paths as Json;
  const ids = Object.entries(paths).map(([path, item]): [string, string[]] => [
    path,
    operationsOf(item)
      .map(({ operationId }) => String(operationId))
      .sort(),
  ]);
  assert.deepEqual(Object.fromEntries(ids), ofLease);
  const list = at(paths, '/apis/coordination.k8s.io/v1/leases', 'get');
  assert.deepEqual(at(list, 'tags'), ['coordination_v1']);
  assert.deepEqual(Object.keys(at(list, 'responses', '200', 'content') as Json).sort(), [
    'application/json',
    'application/json;stream=watch',
    'application/vnd.kubernetes.protobuf',
    'application/vnd.kubernetes.protobuf;stream=watch',
    'application/yaml',
  ]);
});

test('conversations with pods have their options as parameters, and proxies the rest of the path', () => {
  const exec = at(core, 'paths', '/api/v1/namespaces/{namespace}/pods/{name}/exec', 'get');
  const named = (at(exec, 'parameters') as Json[]).map(({ name }) => name).sort();
  assert.deepEqual(named, ['command', 'container', 'stderr', 'stdin', 'stdout', 'tty']);
  const proxy = at(core, 'paths', '/api/v1/namespaces/{namespace}/pods/{name}/proxy/{path}') as Json;
  assert.deepEqual(
    operationsOf(proxy)
      .map(({ operationId }) => operationId)
      .sort(),
    ['Delete', 'Get', 'Head', 'Options', 'Patch', 'Post', 'Put'].map(
      (verb) => `connectCoreV1${verb}NamespacedPodProxyWithPath`,
    ),
  );
  const log = at(core, 'paths', '/api/v1/namespaces/{namespace}/pods/{name}/log', 'get');
  assert.ok((at(log, 'parameters') as Json[]).some(({ name }) => name === 'tailLines'));
  assert.ok(at(log, 'responses', '200', 'content', 'text/plain'));
});

test('every path that is served has its operations', () => {
  for (const row of resourceTable().all) {
    const root = row.group === '' ? `/api/${row.version}` : `/apis/${row.group}/${row.version}`;
    const document = parsed(openApi.v3(root.slice(1)));
    const own = row.namespaced ? `${root}/namespaces/{namespace}/${row.resource}` : `${root}/${row.resource}`;
    const has = (path: string, method: string): boolean => at(document, 'paths', path, method) !== undefined;
    if (row.verbs.includes('list')) assert.ok(has(own, 'get'), own);
    if (row.verbs.includes('create')) assert.ok(has(own, 'post'), own);
    if (row.verbs.includes('update')) assert.ok(has(`${own}/{name}`, 'put'), own);
    for (const { name } of row.subresources)
      assert.ok(at(document, 'paths', `${own}/{name}/${name}`) !== undefined, `${own} ${name}`);
  }
});

test('version 3 has the defaults that Go’s types have, version 2 has none', () => {
  const spec = at(core, 'components', 'schemas', 'io.k8s.api.core.v1.PodSpec', 'properties');
  assert.deepEqual(at(spec, 'containers', 'items', 'default'), {});
  assert.equal(at(spec, 'nodeSelector', 'additionalProperties', 'default'), '');
  const port = at(core, 'components', 'schemas', 'io.k8s.api.core.v1.ContainerPort', 'properties');
  assert.equal(at(port, 'containerPort', 'default'), 0);
  assert.equal(at(port, 'protocol', 'default'), 'TCP');
  assert.equal(at(port, 'hostPort', 'default'), undefined);
  assert.doesNotMatch(JSON.stringify(v2.definitions), /"default":(\{\}|"")/);
});

test('documents beside resources: versions, groups, the server’s version', () => {
  const id = (document: string, path: string): unknown =>
    at(parsed(openApi.v3(document)), 'paths', path, 'get', 'operationId');
  assert.equal(id('api', '/api/'), 'getCoreAPIVersions');
  assert.equal(id('apis', '/apis/'), 'getAPIVersions');
  assert.equal(
    id('apis/rbac.authorization.k8s.io', '/apis/rbac.authorization.k8s.io/'),
    'getRbacAuthorizationAPIGroup',
  );
  assert.equal(id('version', '/version/'), 'getCodeVersion');
});

test('operation ids are unique', () => {
  const seen = new Set<string>();
  for (const item of Object.values(v2.paths as Json)) {
    for (const operation of Object.values(item as Json)) {
      const id = at(operation, 'operationId') as string | undefined;
      if (id === undefined) continue;
      assert.ok(!seen.has(id), id);
      seen.add(id);
    }
  }
});

test('a new table keeps the documents of what it did not change', () => {
  const deployments = options.resources.find('apps', 'v1', 'deployments');
  assert.ok(deployments);
  const widgets = { ...deployments, group: 'example.com', resource: 'widgets', singular: 'widget', kind: 'Widget' };
  const next = new OpenApi({ ...options, resources: options.resources.withResources([widgets]), previous: openApi });
  assert.equal(next.v3('apis/apps/v1'), openApi.v3('apis/apps/v1'));
  assert.ok(at(parsed(next.v3('apis/example.com/v1')), 'paths', '/apis/example.com/v1/widgets', 'get'));
  assert.notEqual(next.index().hash, openApi.index().hash);
});
