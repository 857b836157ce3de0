/** Whole builds: kustomize's published examples with the results that its own tests expect, and what is refused. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { documentsOf } from '../manifests/parse.ts';
import { buildKustomization } from './build.ts';

type Files = Readonly<Record<string, string>>;

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function written(files: Files): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-kustomize-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

async function built(files: Files, folder: string): Promise<unknown[]> {
  const { objects } = await buildKustomization(path.join(written(files), folder), folder);
  return objects.map(({ object }) => object);
}

const objects = (yaml: string): unknown[] => documentsOf(yaml, 'expected').map(({ value }) => value);

async function becomes(files: Files, folder: string, expected: string): Promise<void> {
  assert.deepEqual(await built(files, folder), objects(expected));
}

async function refuses(files: Files, message: RegExp): Promise<void> {
  await assert.rejects(buildKustomization(path.join(written(files), 'app'), 'app'), { name: 'ManifestError', message });
}

const nginx = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, labels: {app: nginx}}
spec:
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: nginx
        volumeMounts: [{name: nginx-persistent-storage, mountPath: /tmp/ps}]
      volumes:
      - {name: nginx-persistent-storage, emptyDir: {}}
      - {configMap: {name: configmap-in-base}, name: configmap-in-base}
`;
const service = `
apiVersion: v1
kind: Service
metadata: {name: nginx, labels: {app: nginx}}
spec: {ports: [{port: 80}], selector: {app: nginx}}
`;
const generators: Files = {
  'app/kustomization.yaml': `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: team-foo-
commonLabels: {app: mynginx, org: example.com, team: foo}
commonAnnotations: {note: This is a test annotation}
resources: [deployment.yaml, service.yaml]
configMapGenerator: [{name: configmap-in-base, literals: [foo=bar]}]
secretGenerator: [{name: secret-in-base, literals: [username=admin, password=somepw]}]
`,
  'app/deployment.yaml': nginx,
  'app/service.yaml': service,
};

describe('a kustomization', () => {
  test('a base with generators: prefix, labels, annotations, hashes, and names followed', () =>
    becomes(
      generators,
      'app',
      `
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, org: example.com, team: foo}
  name: team-foo-nginx
spec:
  selector: {matchLabels: {app: mynginx, org: example.com, team: foo}}
  template:
    metadata:
      annotations: {note: This is a test annotation}
      labels: {app: mynginx, org: example.com, team: foo}
    spec:
      containers:
      - image: nginx
        name: nginx
        volumeMounts: [{mountPath: /tmp/ps, name: nginx-persistent-storage}]
      volumes:
      - {emptyDir: {}, name: nginx-persistent-storage}
      - {configMap: {name: team-foo-configmap-in-base-798k5k7g9f}, name: configmap-in-base}
---
apiVersion: v1
kind: Service
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, org: example.com, team: foo}
  name: team-foo-nginx
spec: {ports: [{port: 80}], selector: {app: mynginx, org: example.com, team: foo}}
---
apiVersion: v1
data: {foo: bar}
kind: ConfigMap
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, org: example.com, team: foo}
  name: team-foo-configmap-in-base-798k5k7g9f
---
apiVersion: v1
data: {password: c29tZXB3, username: YWRtaW4=}
kind: Secret
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, org: example.com, team: foo}
  name: team-foo-secret-in-base-bgd6bkgdm2
type: Opaque
`,
    ));

  test('an overlay merges and replaces what the base generated, and patches it', () =>
    becomes(
      {
        ...generators,
        'overlay/deployment.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  template:
    spec:
      volumes:
      - {name: nginx-persistent-storage, emptyDir: null, gcePersistentDisk: {pdName: nginx-persistent-storage}}
      - {configMap: {name: configmap-in-overlay}, name: configmap-in-overlay}
`,
        'overlay/kustomization.yaml': `
namePrefix: staging-
commonLabels: {env: staging, team: override-foo}
patchesStrategicMerge: [deployment.yaml]
resources: [../app]
configMapGenerator:
- {name: configmap-in-overlay, literals: [hello=world]}
- {name: configmap-in-base, behavior: replace, literals: [foo=override-bar]}
secretGenerator: [{name: secret-in-base, behavior: merge, literals: [proxy=haproxy]}]
`,
      },
      'overlay',
      `
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, env: staging, org: example.com, team: override-foo}
  name: staging-team-foo-nginx
spec:
  selector: {matchLabels: {app: mynginx, env: staging, org: example.com, team: override-foo}}
  template:
    metadata:
      annotations: {note: This is a test annotation}
      labels: {app: mynginx, env: staging, org: example.com, team: override-foo}
    spec:
      containers:
      - image: nginx
        name: nginx
        volumeMounts: [{mountPath: /tmp/ps, name: nginx-persistent-storage}]
      volumes:
      - {gcePersistentDisk: {pdName: nginx-persistent-storage}, name: nginx-persistent-storage}
      - {configMap: {name: staging-configmap-in-overlay-dc6fm46dhm}, name: configmap-in-overlay}
      - {configMap: {name: staging-team-foo-configmap-in-base-hc6g9dk6g9}, name: configmap-in-base}
---
apiVersion: v1
kind: Service
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, env: staging, org: example.com, team: override-foo}
  name: staging-team-foo-nginx
spec: {ports: [{port: 80}], selector: {app: mynginx, env: staging, org: example.com, team: override-foo}}
---
apiVersion: v1
data: {foo: override-bar}
kind: ConfigMap
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, env: staging, org: example.com, team: override-foo}
  name: staging-team-foo-configmap-in-base-hc6g9dk6g9
---
apiVersion: v1
data: {password: c29tZXB3, proxy: aGFwcm94eQ==, username: YWRtaW4=}
kind: Secret
metadata:
  annotations: {note: This is a test annotation}
  labels: {app: mynginx, env: staging, org: example.com, team: override-foo}
  name: staging-team-foo-secret-in-base-k2k4692t9g
type: Opaque
---
apiVersion: v1
data: {hello: world}
kind: ConfigMap
metadata: {labels: {env: staging, team: override-foo}, name: staging-configmap-in-overlay-dc6fm46dhm}
`,
    ));

  test('env files and files', async () => {
    const [first, second] = (await built(
      {
        'app/kustomization.yaml': `
namePrefix: test-infra-
configMapGenerator:
- {name: app-env, envs: [db.env, units.ini, food.ini]}
- {name: app-config, files: [nonsense=dummy.txt]}
`,
        'app/db.env': '\nDB_USERNAME=admin\nDB_PASSWORD=somepw\n',
        'app/units.ini': '\nLENGTH=kilometer\nENERGY=electronvolt\n',
        'app/food.ini': '\nFRUIT=banana\nLEGUME=chickpea\n',
        'app/dummy.txt': 'Lorem ipsum\n',
      },
      'app',
    )) as { metadata: { name: string }; data: object }[];
    assert.equal(first?.metadata.name, 'test-infra-app-env-8h5mh7f7ch');
    assert.deepEqual(second?.data, { nonsense: 'Lorem ipsum\n' });
  });

  test('one base under three overlays: each follows its own names', async () => {
    const found = (await built(
      {
        'base/kustomization.yaml': 'resources: [cm.yaml, dep.yaml]',
        'base/cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: myMap}',
        'base/dep.yaml': `
apiVersion: v1
kind: Deployment
metadata: {name: myDep}
spec: {template: {spec: {containers: [{env: [{name: CM_FOO, valueFrom: {configMapKeyRef: {key: foo, name: myMap}}}]}]}}}
`,
        'ov1/kustomization.yaml': 'resources: [../base]\nnamePrefix: pp-',
        'ov2/kustomization.yaml': 'resources: [../base]\nnameSuffix: -ss',
        'ov3/kustomization.yaml': 'resources: [../base]\nnamespace: fred\nnameSuffix: -xx',
        'app/kustomization.yaml': 'resources: [../ov1, ../ov2, ../ov3]',
      },
      'app',
    )) as { kind: string; metadata: { name: string; namespace?: string } }[];
    const used = JSON.stringify(found).match(/"key":"foo","name":"[^"]*"/g);
    assert.deepEqual(
      found.map(({ metadata: { namespace = '', name } }) => `${namespace}/${name}`),
      ['/pp-myMap', '/pp-myDep', '/myMap-ss', '/myDep-ss', 'fred/myMap-xx', 'fred/myDep-xx'],
    );
    assert.deepEqual(
      used?.map((text) => text.split('"').at(-2)),
      ['pp-myMap', 'myMap-ss', 'myMap-xx'],
    );
  });

  test('namespace and names together: subjects, webhooks, definitions, and what stands outside of namespaces', () =>
    becomes(
      {
        'app/kustomization.yaml': 'namePrefix: p1-\nnameSuffix: -s1\nnamespace: new\nresources: [resources.yaml]',
        'app/resources.yaml': `
{apiVersion: v1, kind: Namespace, metadata: {name: old}}
---
{apiVersion: v1, kind: Service, metadata: {name: svc1, namespace: ns1}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: sa1, namespace: ns1}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: manager}
subjects:
- {kind: ServiceAccount, name: sa1, namespace: ns1}
- {kind: ServiceAccount, name: sa3, namespace: random}
- {kind: ServiceAccount, name: default, namespace: irrelevant}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: example}
webhooks:
- {name: example1, clientConfig: {service: {name: svc1, namespace: ns1}}}
- {name: example3, clientConfig: {service: {name: svc3, namespace: random}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: namespace.crds.my.org}
spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {name: crd-svc, namespace: random}}}}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv1}}
`,
      },
      'app',
      `
{apiVersion: v1, kind: Namespace, metadata: {name: new}}
---
{apiVersion: v1, kind: Service, metadata: {name: p1-svc1-s1, namespace: new}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: p1-sa1-s1, namespace: new}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: p1-manager-s1}
subjects:
- {kind: ServiceAccount, name: p1-sa1-s1, namespace: new}
- {kind: ServiceAccount, name: sa3, namespace: random}
- {kind: ServiceAccount, name: default, namespace: new}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: p1-example-s1}
webhooks:
- {name: example1, clientConfig: {service: {name: p1-svc1-s1, namespace: new}}}
- {name: example3, clientConfig: {service: {name: svc3, namespace: random}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: namespace.crds.my.org}
spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {name: crd-svc, namespace: new}}}}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: p1-pv1-s1}}
`,
    ));

  const component: Files = {
    'base/kustomization.yaml':
      'resources: [deploy.yaml]\nconfigMapGenerator: [{name: my-configmap, literals: [testValue=1, otherValue=10]}]',
    'base/deploy.yaml': 'apiVersion: v1\nkind: Deployment\nmetadata: {name: storefront}\nspec: {replicas: 1}',
    'comp/kustomization.yaml': `
kind: Component
namePrefix: comp-
replicas: [{name: storefront, count: 3}]
resources: [stub.yaml]
configMapGenerator: [{name: my-configmap, behavior: merge, literals: [testValue=2, compValue=5]}]
`,
    'comp/stub.yaml': 'apiVersion: v1\nkind: Deployment\nmetadata: {name: stub}\nspec: {replicas: 1}',
  };

  test('a component changes what came before it', () =>
    becomes(
      { ...component, 'app/kustomization.yaml': 'resources: [../base]\ncomponents: [../comp]' },
      'app',
      `
{apiVersion: v1, kind: Deployment, metadata: {name: comp-storefront}, spec: {replicas: 3}}
---
apiVersion: v1
data: {compValue: "5", otherValue: "10", testValue: "2"}
kind: ConfigMap
metadata: {name: comp-my-configmap-kc6k2kmkh9}
---
{apiVersion: v1, kind: Deployment, metadata: {name: comp-stub}, spec: {replicas: 1}}
`,
    ));

  test('components and kustomizations are not taken for each other', async () => {
    await refuses(
      { ...component, 'app/kustomization.yaml': 'resources: [../base, ../comp]' },
      /comp\/kustomization\.yaml is a component; name it under components/,
    );
    await refuses({ ...component, 'app/kustomization.yaml': 'components: [../base]' }, /is no component/);
  });
});

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {tier: front}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: init, image: "registry.example.com:5000/tools/init:1@sha256:abc"}]
      containers:
      - {name: web, image: nginx:1.7.9, env: [{name: HOST, value: "old.example.com:80"}]}
      - {name: side, image: nginx-exporter}
`;

interface WebSpec {
  readonly replicas: number;
  readonly template: {
    readonly metadata: { readonly labels: object };
    readonly spec: {
      readonly containers: readonly { name: string; image: string; env?: { name: string; value: string }[] }[];
      readonly initContainers: readonly { readonly image: string }[];
    };
  };
}

async function webWith(
  kustomization: string,
  more: Files = {},
): Promise<{ metadata: { labels: object }; spec: WebSpec }> {
  const files = { 'app/kustomization.yaml': `resources: [web.yaml]\n${kustomization}`, 'app/web.yaml': web, ...more };
  return (await built(files, 'app'))[0] as { metadata: { labels: object }; spec: WebSpec };
}

describe('what a kustomization changes', () => {
  test('images: by name alone, with tags, digests, and registries that have a port', async () => {
    const { spec } = await webWith(`
images:
- {name: nginx, newName: my-registry/my-nginx, newTag: v1}
- {name: "registry.example.com:5000/tools/init", digest: "sha256:24a0"}
`);
    assert.deepEqual(
      [...spec.template.spec.containers, ...spec.template.spec.initContainers].map(({ image }) => image),
      ['my-registry/my-nginx:v1', 'nginx-exporter', 'registry.example.com:5000/tools/init@sha256:24a0'],
    );
  });

  test('replicas, and a name that nobody has', async () => {
    assert.equal((await webWith('replicas: [{name: web, count: 5}]')).spec.replicas, 5);
    await refuses(
      { 'app/kustomization.yaml': 'resources: [web.yaml]\nreplicas: [{name: wep, count: 5}]', 'app/web.yaml': web },
      /replicas names wep, but there is no Deployment/,
    );
  });

  test('labels: on the objects alone, with templates, with selectors', async () => {
    const labels = 'labels: [{pairs: {team: a}';
    const own = await webWith(`${labels}}]`);
    assert.deepEqual(
      [own.metadata.labels, own.spec.template.metadata.labels],
      [{ tier: 'front', team: 'a' }, { app: 'web' }],
    );
    const templates = await webWith(`${labels}, includeTemplates: true}]`);
    assert.deepEqual(templates.spec.template.metadata.labels, { app: 'web', team: 'a' });
    const all = await webWith(`${labels}, includeSelectors: true}]`);
    assert.match(JSON.stringify(all.spec), /"matchLabels":\{"app":"web","team":"a"\}/);
  });

  const patches: readonly (readonly [title: string, patch: string])[] = [
    [
      'strategic, by the name in it',
      'patches: [{patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 7}}"}]',
    ],
    [
      'strategic, by a target',
      'patches: [{patch: "{apiVersion: x/v1, kind: Any, metadata: {name: any}, spec: {replicas: 7}}", target: {kind: Deployment}}]',
    ],
    [
      'operations, by patterns',
      'patches: [{patch: "[{op: replace, path: /spec/replicas, value: 7}]", target: {name: "w.*", labelSelector: tier=front}}]',
    ],
    [
      'patchesJson6902',
      'patchesJson6902: [{path: patch.json, target: {group: apps, version: v1, kind: Deployment, name: web}}]',
    ],
    [
      'patchesStrategicMerge in place',
      'patchesStrategicMerge:\n- |-\n  apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  spec: {replicas: 7}',
    ],
  ];
  for (const [title, text] of patches) {
    test(`patches: ${title}`, async () => {
      const more = { 'app/patch.json': '[{"op": "replace", "path": "/spec/replicas", "value": 7}]' };
      const { spec } = await webWith(text, more);
      assert.equal(spec.replicas, 7);
      assert.equal(spec.template.spec.containers.length, 2);
    });
  }

  test('a patch keeps the name, and merges lists by their keys', async () => {
    const { spec } = await webWith(`
patches:
- target: {kind: Deployment}
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: ignored}
    spec: {template: {spec: {containers: [{name: side, image: exporter:2}]}}}
`);
    const images = Object.fromEntries(spec.template.spec.containers.map(({ name, image }) => [name, image]));
    assert.deepEqual(images, { web: 'nginx:1.7.9', side: 'exporter:2' });
  });

  test('a patch may take an object away', async () => {
    const files = {
      'app/kustomization.yaml':
        'resources: [web.yaml]\npatches: [{patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, $patch: delete}"}]',
      'app/web.yaml': web,
    };
    assert.deepEqual(await built(files, 'app'), []);
  });

  test('replacements: from one object into fields of others, whole and in part', async () => {
    const [deployment] = (await built(
      {
        'app/kustomization.yaml': `
resources: [web.yaml, service.yaml]
namePrefix: my-
replacements:
- source: {kind: Service, name: web, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=web].env.[name=HOST].value"]
    options: {delimiter: ":", index: 0}
- sourceValue: exporter:9
  targets:
  - {select: {kind: Deployment, name: web}, fieldPaths: ["spec.template.spec.containers.1.image"]}
- source: {kind: Service, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ['metadata.annotations.example\\.com/service']
    options: {create: true}
- path: more.yaml
`,
        'app/web.yaml': web,
        'app/service.yaml':
          'apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{name: http, port: 3}]}',
        'app/more.yaml':
          'source: {kind: Service, fieldPath: "spec.ports.[name=http].port"}\ntargets:\n- {select: {kind: Deployment}, fieldPaths: [spec.replicas]}',
      },
      'app',
    )) as { metadata: { annotations: object }; spec: WebSpec }[];
    const [first, second] = deployment?.spec.template.spec.containers ?? [];
    assert.equal(first?.env?.[0]?.value, 'my-web:80');
    assert.equal(second?.image, 'exporter:9');
    assert.equal(deployment?.spec.replicas, 3);
    assert.deepEqual(deployment?.metadata.annotations, { 'example.com/service': 'my-web' });
  });

  test('sortOptions: legacy puts first what others stand on', async () => {
    const files = {
      'app/kustomization.yaml': 'resources: [all.yaml]\nsortOptions: {order: legacy}',
      'app/all.yaml': ['Pod', 'ValidatingWebhookConfiguration', 'Service', 'ConfigMap', 'Namespace']
        .map((kind) => `{apiVersion: v1, kind: ${kind}, metadata: {name: x}}`)
        .join('\n---\n'),
    };
    assert.deepEqual(
      (await built(files, 'app')).map((object) => (object as { kind: string }).kind),
      ['Namespace', 'ConfigMap', 'Service', 'Pod', 'ValidatingWebhookConfiguration'],
    );
  });

  test('what is for this machine alone does not go to the cluster', async () => {
    const files = {
      'app/kustomization.yaml': 'resources: [a.yaml]',
      'app/a.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: "true"}}',
    };
    assert.deepEqual(await built(files, 'app'), []);
  });
});

describe('what a kustomization cannot be', () => {
  const rows: readonly (readonly [title: string, files: Files, message: RegExp])[] = [
    ['a folder without one', { 'app/x.yaml': '' }, /^app has no kustomization\.yaml$/],
    ['empty', { 'app/kustomization.yaml': '# nothing' }, /is empty/],
    [
      'two files',
      { 'app/kustomization.yaml': 'namespace: a', 'app/Kustomization': 'namespace: a' },
      /app has kustomization\.yaml and Kustomization; keep one/,
    ],
    [
      'an unknown field',
      { 'app/kustomization.yaml': 'resource: [a.yaml]' },
      /there is no field resource; known here are/,
    ],
    [
      'a wrong form',
      { 'app/kustomization.yaml': 'resources: a.yaml' },
      /resources must be a list of texts, not the text "a\.yaml"/,
    ],
    [
      'numbers as labels',
      { 'app/kustomization.yaml': 'commonLabels: {a: 1}' },
      /commonLabels must be an object of texts/,
    ],
    [
      'charts',
      { 'app/kustomization.yaml': 'helmCharts: []' },
      /helmCharts is not supported: charts are not rendered here/,
    ],
    ['crds', { 'app/kustomization.yaml': 'crds: [a.yaml]' }, /crds is not supported/],
    [
      'a missing file',
      { 'app/kustomization.yaml': 'resources: [a.yaml]' },
      /kustomization\.yaml: a\.yaml cannot be read: there is no such file/,
    ],
    ['a URL', { 'app/kustomization.yaml': 'resources: ["https://example.com/a.yaml"]' }, /is on the network/],
    [
      'a git base',
      { 'app/kustomization.yaml': 'resources: ["example.com/org/repo//base?ref=v1"]' },
      /is a base on the network/,
    ],
    [
      'a file outside',
      { 'app/kustomization.yaml': 'resources: [../a.yaml]', 'a.yaml': web },
      /\.\.\/a\.yaml lies outside of its folder/,
    ],
    [
      'a circle',
      { 'app/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'resources: [../app]' },
      /stands on itself/,
    ],
    [
      'the same twice',
      { 'app/kustomization.yaml': 'resources: [a.yaml, b.yaml]', 'app/a.yaml': web, 'app/b.yaml': web },
      /Deployment web \(apps\/v1\) is there twice: in app\/a\.yaml:2 and in app\/b\.yaml:2/,
    ],
    [
      'broken YAML',
      { 'app/kustomization.yaml': 'resources: [a.yaml]', 'app/a.yaml': 'kind: X\nb: [\n' },
      /app\/a\.yaml:3: /,
    ],
    [
      'a patch for nobody',
      { 'app/kustomization.yaml': 'patches: [{patch: "{apiVersion: v1, kind: Pod, metadata: {name: a}}"}]' },
      /the patch is for Pod a \(v1\), which is not among the resources/,
    ],
    [
      'operations without a target',
      { 'app/kustomization.yaml': 'patches: [{patch: "[{op: remove, path: /a}]"}]' },
      /a JSON patch needs a target/,
    ],
    [
      'operations that do not apply',
      {
        'app/kustomization.yaml':
          'resources: [a.yaml]\npatches: [{target: {kind: Deployment}, patch: "[{op: remove, path: /nowhere}]"}]',
        'app/a.yaml': web,
      },
      /the patch does not apply to Deployment web \(apps\/v1\)/,
    ],
    [
      'merging into nothing',
      { 'app/kustomization.yaml': 'configMapGenerator: [{name: a, behavior: merge, literals: [a=b]}]' },
      /there is no ConfigMap a \(v1\) to merge/,
    ],
    [
      'a literal without a value',
      { 'app/kustomization.yaml': 'configMapGenerator: [{name: a, literals: [b]}]' },
      /a literal is KEY=VALUE/,
    ],
    [
      'a pattern that is none',
      {
        'app/kustomization.yaml':
          'resources: [a.yaml]\npatches: [{target: {kind: "("}, patch: "[{op: remove, path: /a}]"}]',
        'app/a.yaml': web,
      },
      /"\(" is no regular expression/,
    ],
  ];
  for (const [title, files, message] of rows) test(title, () => refuses(files, message));

  test('what is read over is told', async () => {
    const { notes } = await buildKustomization(
      written({ 'kustomization.yaml': 'openapi: {path: x}\nnamespace: a' }),
      'app',
    );
    assert.deepEqual(notes, [
      'app/kustomization.yaml: openapi is not looked at: patches of custom kinds replace lists as a whole',
    ]);
  });
});

describe('a hostile kustomization', () => {
  test('whose bases multiply is refused before it fills the memory', async () => {
    const files: Record<string, string> = { 'app/kustomization.yaml': 'resources: [../a20, ../b20]' };
    for (let level = 20; level > 0; level--) {
      for (const side of ['a', 'b']) {
        files[`${side}${level}/kustomization.yaml`] =
          `namePrefix: ${side}\nresources: [../a${level - 1}, ../b${level - 1}]`;
      }
    }
    for (const side of ['a', 'b']) {
      files[`${side}0/kustomization.yaml`] = `namePrefix: ${side}\nconfigMapGenerator: [{name: x}]`;
    }
    await refuses(files, /more than 1000 folders stand on each other/);
  });

  test('that names a device or a pipe as its file is refused', async () => {
    const root = written({ 'app/kustomization.yaml': 'configMapGenerator: [{name: a, files: [pipe]}]' });
    execFileSync('mkfifo', [path.join(root, 'app/pipe')]);
    await assert.rejects(buildKustomization(path.join(root, 'app'), 'app'), /app\/pipe is no file/);
  });

  test('an error does not show what may be a secret; keys may be called as they like', async () => {
    const secretOf = (more: string): Files => ({
      'app/kustomization.yaml': `secretGenerator: [{name: a, ${more}}]`,
      'app/values.env': 'A=1\nhunter 2\n',
    });
    await refuses(secretOf('literals: [hunter2]'), /^(?!.*hunter).*literals\[0\]: a literal is KEY=VALUE/);
    await refuses(secretOf('envs: [values.env]'), /^(?!.*hunter).*values\.env:2: the line is no name/);
    const [made] = await built(secretOf('literals: [constructor=x]'), 'app');
    assert.deepEqual((made as { data: object }).data, { constructor: 'eA==' });
  });
});
