/**
 * What people have in their repositories, through real kubectl: a three-tier application with all that usually stands around it.
 * Applied, it is whole; applied again, nothing changes; deleted, nothing is left.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';

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

describe('a three-tier application', { timeout: 120_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '3');
    await cluster.mustKubectl('create', 'namespace', 'shop');
  });
  after(() => TestCluster.closeAll());

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
    assert.match(table, /^ingress\.networking\.k8s\.io\/shop +<none> +shop\.example +80, 443 /m);
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
