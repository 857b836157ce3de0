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
  const versions = resourceTable()
    .groups()
    .flatMap((group) => group.versions);
  assert.equal(Object.keys(paths).length, versions.length);
  assert.equal(openApi.v3('apis/example.com/v1'), undefined);
  assert.equal(openApi.v3('apis/apps/v1/deployments'), undefined);
});

test('every PATCH of every kind takes fieldValidation, which is how kubectl tells that the server validates', () => {
  let patches = 0;
  for (const document of [apps, core]) {
    for (const [path, item] of Object.entries(document.paths as Json)) {
      const patch = at(item, 'patch');
      if (patch === undefined || path.endsWith('/proxy')) continue;
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
