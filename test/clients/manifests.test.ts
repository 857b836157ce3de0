/**
 * What people have in their repositories, through real kubectl: a three-tier application with all that usually stands around it, and
 * the folder `fixtures/`, as pipelines, installers and generators write such files. Applied, it is whole; applied again, from the
 * client's side or the server's, nothing changes; deleted, nothing is left.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';
import { fixture } from './command-table.ts';

const labels = (app: string): string => `{app: ${app}, app.kubernetes.io/part-of: shop}`;

/** A Deployment and its Service; `container` and `pod` add to their specs, as lines of YAML flow style. */
const tier = (app: string, port: number, container: string, pod = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${app}, labels: ${labels(app)}}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${app}}}
  template:
    metadata: {labels: ${labels(app)}}
    spec: {serviceAccountName: shop, ${pod} containers: [{name: ${app}, image: "example/${app}:1", ports: [{name: main, containerPort: ${port}}], ${container}}]}
---
apiVersion: v1
kind: Service
metadata: {name: ${app}, labels: ${labels(app)}}
spec: {selector: {app: ${app}}, ports: [{name: main, port: ${port}, targetPort: main}]}
---`;

const shop = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: shop}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: shop}
subjects: [{kind: ServiceAccount, name: shop}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {LANGUAGE: en, application.yaml: "cache: on\\nsize: 010\\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: database}
stringData: {password: "hunter2"}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: archive}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---${tier(
  'web',
  8080,
  'envFrom: [{configMapRef: {name: settings}}], readinessProbe: {httpGet: {path: /, port: main}}, resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}',
  'topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}],',
)}${tier(
  'orders',
  9000,
  'env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: database, key: password}}}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}], volumeMounts: [{name: settings, mountPath: /etc/orders}]',
  'volumes: [{name: settings, configMap: {name: settings}}],',
)}${tier('database', 5432, 'livenessProbe: {tcpSocket: {port: 5432}}, volumeMounts: [{name: data, mountPath: /data}]', 'volumes: [{name: data, emptyDir: {}}],')}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {minReplicas: 2, maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  tls: [{hosts: [shop.example], secretName: certificate}]
  rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: main}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: database}
spec: {podSelector: {matchLabels: {app: database}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: orders}}}], ports: [{port: 5432, protocol: TCP}]}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec: {backoffLimit: 2, template: {spec: {restartPolicy: Never, containers: [{name: migrate, image: "example/orders:1", args: [migrate]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec: {schedule: "0 3 * * 1-5", concurrencyPolicy: Forbid, jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: report, image: "example/orders:1"}]}}}}}
`;

const kinds =
  'deploy,rs,pod,svc,cm,secret,sa,role,rolebinding,pvc,pdb,hpa,ingress,networkpolicy,job,cronjob,controllerrevision';
/** What every namespace has by itself. */
const ownOfNamespace = ['configmap/kube-root-ca.crt', 'serviceaccount/default'];

let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.up('--simulated-nodes', '3');
});
after(() => TestCluster.closeAll());

describe('a three-tier application', { timeout: 120_000 }, () => {
  before(async () => {
    await cluster.mustKubectl('create', 'namespace', 'shop');
  });

  /** What kubectl says, a line for each object. */
  const over = async (...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await cluster.kubectl(['-n', 'shop', ...args, '-f', '-'], { input: shop });
    assert.equal(code, 0, stderr);
    return stdout.trim().split('\n');
  };
  const count = shop.split('\nkind: ').length - 1;

  test('is checked by a dry run, which creates nothing', async () => {
    const lines = await over('create', '--dry-run=server');
    assert.deepEqual(
      [lines.length, lines.filter((line) => line.endsWith(' created (server dry run)')).length],
      [count, count],
    );
    assert.match(
      (await cluster.kubectl(['-n', 'shop', 'get', 'deploy'])).stderr,
      /No resources found in shop namespace/,
    );
  });

  test('is created by apply, and all of it becomes available', async () => {
    const lines = await over('apply', '--validate=strict');
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(' created')),
      [],
    );
    assert.equal(lines.length, count);
    await cluster.mustKubectl('-n', 'shop', 'wait', '--for=condition=Available', 'deploy', '--all', '--timeout=30s');
    assert.match(await cluster.mustKubectl('-n', 'shop', 'get', 'deploy'), /^web +2\/2 +2 +2 /m);
  });

  test('does not change when it is applied again, and has no differences', async () => {
    const changed = (await over('apply')).filter((line) => !line.endsWith(' unchanged'));
    // These two kubectl itself patches every time: `stringData` is never read back, and a field to be replaced is not compared.
    assert.deepEqual(changed, ['secret/database configured', 'poddisruptionbudget.policy/web configured']);
    assert.deepEqual(await over('diff'), ['']);
  });

  test('shows and describes itself', async () => {
    const table = await cluster.mustKubectl('-n', 'shop', 'get', kinds);
    assert.match(table, /^ingress\.networking\.k8s\.io\/shop +naru +shop\.example +[\d.,]* *80, 443 /m);
    assert.match(table, /^poddisruptionbudget\.policy\/web +1 +N\/A /m);
    assert.match(table, /^horizontalpodautoscaler\.autoscaling\/web +Deployment\/web +cpu: <unknown>\/70% +2 +5 /m);
    assert.match(table, /^cronjob\.batch\/report +0 3 \* \* 1-5 +<none> +False +0 +<none> /m);
    const words = await cluster.mustKubectl('-n', 'shop', 'describe', kinds);
    assert.match(words, /PASSWORD: +<set to the key 'password' in secret 'database'>/);
    assert.match(words, /shop\.example +\n +\/ +web:main/);
  });

  test('restarts by a rollout, and goes without a trace', async () => {
    await cluster.mustKubectl('-n', 'shop', 'rollout', 'restart', 'deploy');
    await cluster.mustKubectl('-n', 'shop', 'rollout', 'status', 'deploy', '--timeout=30s');
    const lines = await over('delete', '--timeout=30s');
    assert.equal(lines.filter((line) => line.includes(' deleted from shop namespace')).length, count);
    await eventually('nothing is left', async () => {
      const left = await cluster.mustKubectl('-n', 'shop', 'get', kinds, '-o', 'name');
      return left.trim().split('\n').toSorted().join() === ownOfNamespace.join();
    });
    await cluster.mustKubectl('delete', 'namespace', 'shop', '--timeout=20s');
  });
});

interface Fixture {
  readonly file: string;
  /** What kubectl patches every time, although the server then finds nothing to change: see the comments in `fixtures`. */
  readonly patched?: readonly string[];
}

const fixturesOfPeople: readonly Fixture[] = [
  // kubectl compares `cpu: 0.3` with the server's `300m`, and the sources of a projected volume with defaulted ones.
  { file: 'boutique.yaml', patched: ['deployment.apps/basket', 'deployment.apps/store'] },
  // An atomic list with defaults in it and a field under `patchStrategy: replace` are not compared; a number is not a string.
  {
    file: 'controllers.yaml',
    patched: ['statefulset.apps/database', 'poddisruptionbudget.policy/database', 'resourcequota/budget'],
  },
  { file: 'cluster.yaml' },
  // The server leaves `preserveUnknownFields: false` out.
  { file: 'definitions.yaml', patched: ['customresourcedefinition.apiextensions.k8s.io/zones.fixture.example.com'] },
  // `creationTimestamp: null` is no wish that could come true, nor are line breaks in base64.
  { file: 'unusual.yaml', patched: ['service/listed', 'secret/unusual', 'deployment.apps/unusual'] },
  { file: 'crlf.yaml' },
  { file: 'services' },
];

interface Versioned {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

describe('files as people have them', { timeout: 120_000 }, () => {
  const over = async (args: string, file: string): Promise<string[]> => {
    const { code, stdout, stderr } = await cluster.kubectl([...args.split(' '), '-f', fixture(file)]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^(Warning: deleting cluster-scoped resources, not scoped to the provided namespace\n)?$/);
    return stdout.trim().split('\n');
  };

  async function versions(namespace: string, file: string): Promise<string> {
    const list = JSON.parse((await over(`-n ${namespace} get -o json`, file)).join('\n')) as { items?: Versioned[] };
    const objects = list.items ?? [list as unknown as Versioned];
    return objects.map(({ kind, metadata }) => `${kind}/${metadata.name} ${metadata.resourceVersion}`).join('\n');
  }

  /** When the nodes and the control loops have done what there is to do. */
  async function settled(namespace: string, file: string): Promise<string> {
    let last = '';
    return eventually('nothing changes any more', async () => {
      const now = await versions(namespace, file);
      const same = now === last;
      last = now;
      return same ? now : undefined;
    });
  }

  for (const { file, patched = [] } of fixturesOfPeople) {
    test(`${file}: applied twice by the client, once by the server, twice by it, and gone`, async () => {
      const namespace = `fixture-${file.replace(/\..*/, '')}`;
      await cluster.mustKubectl('create', 'namespace', namespace);
      const created = await over(`-n ${namespace} apply --validate=strict`, file);
      assert.deepEqual(
        created.filter((line) => !line.endsWith(' created')),
        [],
      );
      const before = await settled(namespace, file);
      const again = await over(`-n ${namespace} apply`, file);
      const changed = again.filter((line) => !line.endsWith(' unchanged'));
      assert.deepEqual(
        changed,
        patched.map((name) => `${name} configured`),
      );
      assert.deepEqual(await over(`-n ${namespace} diff`, file), ['']);
      assert.equal(await versions(namespace, file), before);

      // Who applies from now on owns what it applied; kubectl moves its earlier fields over to the new manager.
      for (const line of await over(`-n ${namespace} apply --server-side --force-conflicts`, file)) {
        assert.match(line, / serverside-applied$/);
      }
      const owned = await settled(namespace, file);
      await over(`-n ${namespace} apply --server-side`, file);
      assert.equal(await versions(namespace, file), owned);
      await over(`-n ${namespace} diff --server-side`, file);

      assert.equal((await over(`-n ${namespace} delete --wait=false`, file)).length, created.length);
      await cluster.mustKubectl('delete', 'namespace', namespace, '--timeout=20s');
    });
  }

  test('an instance of a definition that is not there is refused before anything is sent', async () => {
    for (const how of ['create', 'apply', 'apply --server-side']) {
      const { code, stderr } = await cluster.kubectl([...how.split(' '), '-f', fixture('custom-resources.yaml')]);
      assert.equal(code, 1);
      assert.match(stderr, /no matches for kind "Gadget" in version "unheard-of\.example\.com\/v1"/);
    }
  });

  test('a definition too large for the annotation of client-side apply says so, and is taken by create', async () => {
    const name = 'larges.fixture.example.com';
    const description = 'x'.repeat(300_000);
    const versionsOfLarge = [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', description } } },
    ];
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group: 'fixture.example.com',
        names: { kind: 'Large', plural: 'larges' },
        scope: 'Cluster',
        versions: versionsOfLarge,
      },
    };
    const input = JSON.stringify(definition);
    const refused = await cluster.kubectl(['apply', '-f', '-'], { input });
    assert.match(refused.stderr, /metadata\.annotations: Too long: may not be more than 262144 bytes/);
    const applied = await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input });
    assert.equal(applied.stdout, `customresourcedefinition.apiextensions.k8s.io/${name} serverside-applied\n`);
    assert.match((await cluster.kubectl(['replace', '-f', '-'], { input })).stdout, /replaced/);
    await cluster.mustKubectl('delete', 'crd', name);
  });

  test('a kustomization is built, applied, and found again by its labels', async () => {
    const folder = fixture('kustomize/staging');
    const apply = () => cluster.mustKubectl('apply', '-k', folder);
    assert.match(
      await apply(),
      /^configmap\/staging-settings-\w{10} created\ndeployment\.apps\/staging-web created\n$/,
    );
    assert.match(await apply(), /^configmap\/\S+ unchanged\ndeployment\.apps\/staging-web unchanged\n$/);
    await cluster.mustKubectl('rollout', 'status', 'deploy/staging-web', '--timeout=20s');
    const pods = await cluster.mustKubectl(
      'get',
      'pods',
      '-l',
      'stage=staging',
      '-o',
      'jsonpath={.items[*].spec.containers[0].image}',
    );
    assert.equal(pods, 'web:2 web:2');
    assert.equal(await cluster.mustKubectl('diff', '-k', folder), '');
    assert.match(await cluster.mustKubectl('delete', '-k', folder), /deployment\.apps "staging-web" deleted/);
  });
});
