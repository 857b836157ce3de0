/** Everything but pods: each row an object as the cluster shows it with what stands around it, the chain of findings, and words that must be told. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { explainAll, newInquiry } from './explain.ts';
import { ago, chainOf, findingsOf, make, object, ownedBy, SnapshotLook, status } from './testing.ts';

interface Row {
  readonly name: string;
  readonly objects: readonly KubeObject[];
  readonly codes: string;
  readonly tells: readonly RegExp[];
}

type Loose = Readonly<Record<string, unknown>>;
const of = (apiVersion: string, kind: string, name: string, rest: Loose = {}): KubeObject => {
  const { metadata = {}, ...more } = rest;
  return object({ apiVersion, kind, metadata: { name, ...(metadata as Loose) }, ...more });
};
const service = (spec: Loose = {}, rest: Loose = {}): KubeObject =>
  of('v1', 'Service', 'web', {
    spec: { type: 'ClusterIP', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
    ...rest,
  });
const ingress = (spec: Loose = {}, rest: Loose = {}): KubeObject =>
  of('networking.k8s.io/v1', 'Ingress', 'web', {
    spec: {
      ingressClassName: 'naru',
      rules: [
        {
          host: 'shop.example',
          http: { paths: [{ path: '/', backend: { service: { name: 'web', port: { number: 80 } } } }] },
        },
      ],
      ...spec,
    },
    ...rest,
  });
const ingressClass = of('networking.k8s.io/v1', 'IngressClass', 'naru', { spec: { controller: 'naru.io/ingress' } });
const policy = (spec: Loose, name = 'closed'): KubeObject =>
  of('networking.k8s.io/v1', 'NetworkPolicy', name, {
    spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec },
  });
const opened = { containers: [{ name: 'web', image: 'x', ports: [{ name: 'http', containerPort: 8080 }] }] };
const broken = (name: string, owner?: KubeObject): KubeObject =>
  make.pod(name, {
    ...(owner && ownedBy(owner)),
    spec: { nodeName: 'n1' },
    status: {
      phase: 'Running',
      containerStatuses: [
        status(
          'web',
          { waiting: { reason: 'CrashLoopBackOff' } },
          { restartCount: 3, lastState: { terminated: { exitCode: 1 } } },
        ),
      ],
    },
  });

const network: readonly Row[] = [
  {
    name: 'a Service whose selector nearly matches',
    objects: [service({ selector: { app: 'weeb' } }), make.ready('web-1')],
    codes: 'SelectsNothing',
    tells: [/app=weeb/, /the nearest is pod web-1 with the labels app=web/],
  },
  {
    name: 'a Service whose pods do not exist',
    objects: [service()],
    codes: 'SelectsNothing',
    tells: [/0 pods in the namespace/],
  },
  {
    name: 'a Service whose pods crash',
    objects: [service(), broken('web-1'), make.node('n1')],
    codes: 'NoReadyPods > Crash',
    tells: [/answers nothing/],
  },
  {
    name: 'a Service whose workload is scaled to 0',
    objects: [
      service(),
      make.ready('other', { labels: { app: 'db' } }),
      of('apps/v1', 'StatefulSet', 'web', {
        spec: { replicas: 0, selector: {}, template: { metadata: { labels: { app: 'web' } }, spec: {} } },
      }),
    ],
    codes: 'ScaledToNothing',
    tells: [/statefulset\/web, whose pods it leads to, is scaled to 0/, /naru scale statefulset\/web .*--replicas=1/],
  },
  {
    name: 'a Service with a port by a name that no container has',
    objects: [service({ ports: [{ port: 80, targetPort: 'htpp' }] }), make.ready('web-1', { spec: opened })],
    codes: 'TargetPortMissing',
    tells: [/did you mean "http"/],
  },
  {
    name: 'a Service to a port that nobody declares',
    objects: [service({ ports: [{ port: 80, targetPort: 9090 }] }), make.ready('web-1', { spec: opened })],
    codes: 'TargetPortNotDeclared',
    tells: [/8080 \(http\)/],
  },
  {
    name: 'a Service of the wrong protocol',
    objects: [
      service({ ports: [{ port: 80, targetPort: 8080, protocol: 'UDP' }] }),
      make.ready('web-1', { spec: opened }),
    ],
    codes: 'WrongProtocol',
    tells: [/protocol: TCP/],
  },
  {
    name: 'a policy that lets nobody in',
    objects: [service(), make.ready('web-1', { spec: opened }), policy({ ingress: [] })],
    codes: 'PolicyForbids',
    tells: [/"closed" lets nobody reach its pods/],
  },
  {
    name: 'a policy for another port',
    objects: [service(), make.ready('web-1', { spec: opened }), policy({ ingress: [{ ports: [{ port: 9000 }] }] })],
    codes: 'PolicyForbids',
    tells: [/port 80 \(8080 of the pods\)/],
  },
  {
    name: 'policies that let in by the name that the pod gives its port',
    objects: [
      service(),
      make.ready('web-1', { spec: opened }),
      policy({ ingress: [{ ports: [{ port: 'http' }], from: [{ podSelector: {} }] }] }),
      policy({ ingress: [] }, 'nobody'),
    ],
    codes: 'PolicyLimits',
    tells: [/NetworkPolicies "closed" and "nobody" together\): pods with any labels/],
  },
  {
    name: 'a policy for some',
    objects: [
      service(),
      make.ready('web-1', { spec: opened }),
      policy({
        ingress: [
          {
            from: [
              {
                podSelector: {
                  matchLabels: { app: 'front' },
                  matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }],
                },
              },
            ],
          },
        ],
      }),
    ],
    codes: 'PolicyLimits',
    tells: [/pods with app=front,tier in \(a,b\)/],
  },
  {
    name: 'a name for something outside',
    objects: [service({ type: 'ExternalName', externalName: 'db.example.org' })],
    codes: 'ExternalName',
    tells: [/db.example.org/],
  },
  {
    name: 'a Service that nobody fills',
    objects: [service({ selector: {} })],
    codes: 'NoSelector',
    tells: [/no EndpointSlice/],
  },
  {
    name: 'a load balancer without an address',
    objects: [service({ type: 'LoadBalancer' }), make.ready('web-1', { spec: opened })],
    codes: 'LoadBalancerPending',
    tells: [/naru-network/],
  },

  {
    name: 'an Ingress of a class that nobody serves',
    objects: [ingress({ ingressClassName: 'traefik' }), ingressClass, service(), make.ready('web-1')],
    codes: 'IngressClassMissing',
    tells: [/no IngressClass "traefik"/, /ingressClassName: naru/],
  },
  {
    name: 'an Ingress to a Service that does not exist',
    objects: [ingress(), ingressClass],
    codes: 'ServiceMissing',
    tells: [/shop\.example\/ leads to Service "web".*503/],
  },
  {
    name: 'an Ingress to a port that the Service has not',
    objects: [ingress(), ingressClass, service({ ports: [{ port: 8080 }] }), make.ready('web-1')],
    codes: 'ServicePortMissing',
    tells: [/its ports: 8080/],
  },
  {
    name: 'an Ingress before pods that crash',
    objects: [ingress(), ingressClass, service(), broken('web-1'), make.node('n1')],
    codes: 'BackendDown > NoReadyPods > Crash',
    tells: [/answers 503/, /exit code 1/],
  },
  {
    name: 'an Ingress without its certificate',
    objects: [
      ingress({ tls: [{ hosts: ['shop.example'], secretName: 'shop-tls' }] }),
      ingressClass,
      service(),
      make.ready('web-1', { spec: opened }),
    ],
    codes: 'CertificateMissing',
    tells: [/Secret "shop-tls"/, /naru\.io\/acme/],
  },
  {
    name: 'an Ingress with an annotation that is not taken',
    objects: [
      ingress(),
      make.event(ingress(), 'BadAnnotation', 'limit-rate is not taken'),
      ingressClass,
      service(),
      make.ready('web-1', { spec: opened }),
    ],
    codes: 'BadAnnotation',
    tells: [/limit-rate is not taken/],
  },

  {
    name: 'a route to a Gateway that does not exist',
    objects: [of('gateway.networking.k8s.io/v1', 'HTTPRoute', 'web', { spec: { parentRefs: [{ name: 'front' }] } })],
    codes: 'GatewayMissing',
    tells: [/no Gateway "front"/],
  },
  {
    name: 'a route whose Gateway refuses it',
    objects: [
      of('gateway.networking.k8s.io/v1', 'HTTPRoute', 'web', {
        spec: {},
        status: {
          parents: [
            {
              parentRef: { name: 'front' },
              conditions: [
                {
                  type: 'Accepted',
                  status: 'False',
                  reason: 'NotAllowedByListeners',
                  message: 'no listener allows it',
                },
              ],
            },
          ],
        },
      }),
    ],
    codes: 'NotAllowedByListeners',
    tells: [/no listener allows it/],
  },
  {
    name: 'a Gateway of an unknown class',
    objects: [
      of('gateway.networking.k8s.io/v1', 'Gateway', 'front', { spec: { gatewayClassName: 'istio', listeners: [] } }),
    ],
    codes: 'GatewayClassMissing',
    tells: [/gatewayClassName: naru/],
  },
];

const deployment = of('apps/v1', 'Deployment', 'web', {
  spec: { replicas: 2, selector: {}, template: {} },
  status: {},
});
const set = of('apps/v1', 'ReplicaSet', 'web-7d', { metadata: ownedBy(deployment), spec: { replicas: 2 } });
const refused = (message: string): KubeObject[] => [
  set,
  make.event(set, 'FailedCreate', `Error creating: pods "web-7d-x" is forbidden: ${message}`),
];
const job = (rest: Loose): KubeObject => of('batch/v1', 'Job', 'report', { spec: {}, ...rest });
const webhook = (clientConfig: Loose): KubeObject =>
  of('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'guard', {
    webhooks: [
      {
        name: 'guard.example.com',
        failurePolicy: 'Fail',
        clientConfig,
        rules: [{ operations: ['CREATE'], resources: ['pods'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });

const workloads: readonly Row[] = [
  {
    name: 'a Deployment whose pods crash',
    objects: [deployment, set, broken('web-1', set), broken('web-2', set), make.node('n1')],
    codes: 'PodsNotReady > Crash',
    tells: [/0 of 2 pods are ready/],
  },
  {
    name: 'a rollout that stands still',
    objects: [
      of('apps/v1', 'Deployment', 'web', {
        spec: { replicas: 1, selector: {}, template: {} },
        status: {
          conditions: [
            { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' },
          ],
        },
      }),
    ],
    codes: 'RolloutStuck',
    tells: [/naru rollout undo deployment\/web/],
  },
  {
    name: 'a paused Deployment',
    objects: [
      of('apps/v1', 'Deployment', 'web', {
        spec: { replicas: 1, paused: true, selector: {}, template: {} },
        status: { readyReplicas: 1, updatedReplicas: 1 },
      }),
    ],
    codes: 'Paused',
    tells: [/naru rollout resume/],
  },
  {
    name: 'a quota that is used up',
    objects: refused('exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4'),
    codes: 'PodsNotReady > QuotaExceeded',
    tells: [/quota "small" of namespace shop is used up: it allows pods=4/],
  },
  {
    name: 'a quota that wants requests',
    objects: refused('failed quota: small: must specify limits.cpu for: web'),
    codes: 'PodsNotReady > QuotaNeedsRequests',
    tells: [/LimitRange/],
  },
  {
    name: 'a LimitRange',
    objects: refused('maximum memory usage per Container is 1Gi, but limit is 2Gi'),
    codes: 'PodsNotReady > LimitRange',
    tells: [/maximum memory usage per Container is 1Gi/],
  },
  {
    name: 'Pod Security',
    objects: refused(
      'violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "app" must set it), seccompProfile (must be set)',
    ),
    codes: 'PodsNotReady > PodSecurity',
    tells: [/standard "restricted", and these do not: runAsNonRoot != true, seccompProfile$/m],
  },
  {
    name: 'a webhook that refuses',
    objects: refused('admission webhook "guard.example.com" denied the request: no latest tags'),
    codes: 'PodsNotReady > WebhookDenied',
    tells: [/no latest tags/],
  },
  {
    name: 'a policy that refuses',
    objects: refused("ValidatingAdmissionPolicy 'owners' with binding 'all' denied request: an owner label is missing"),
    codes: 'PodsNotReady > PolicyDenied',
    tells: [/policy "owners"/],
  },
  {
    name: 'a webhook whose server is gone',
    objects: [
      set,
      make.event(
        set,
        'FailedCreate',
        'Error creating: Internal error occurred: failed calling webhook "guard.example.com": failed to call webhook: no endpoints available',
      ),
      webhook({ service: { namespace: 'guard', name: 'guard' } }),
    ],
    codes: 'PodsNotReady > WebhookFailed > WebhookUnanswered > ServiceMissing',
    tells: [/CREATE of pods/, /naru delete validatingwebhookconfiguration\/guard/],
  },
  {
    name: 'a service account that is missing',
    objects: refused('error looking up service account shop/web: serviceaccount "web" not found'),
    codes: 'PodsNotReady > ServiceAccountMissing',
    tells: [/no ServiceAccount "web"/],
  },
  {
    name: 'a priority class that is missing',
    objects: refused('no PriorityClass with name high was found'),
    codes: 'PodsNotReady > PriorityClassMissing',
    tells: [/no PriorityClass "high"/],
  },
  {
    name: 'a StatefulSet held up by its first pod',
    objects: ((): KubeObject[] => {
      const db = of('apps/v1', 'StatefulSet', 'db', {
        spec: { replicas: 3, selector: {}, template: {}, serviceName: 'db' },
      });
      return [db, broken('db-0', db), make.node('n1')];
    })(),
    codes: 'BlockedByPod > Crash',
    tells: [/the pods after db-0 wait/],
  },
  {
    name: 'a DaemonSet that no node takes',
    objects: [of('apps/v1', 'DaemonSet', 'logs', { spec: {}, status: { desiredNumberScheduled: 0 } })],
    codes: 'NoNodeMatches',
    tells: [/tolerations/],
  },
  {
    name: 'a Job that gave up',
    objects: [
      job({
        status: {
          failed: 7,
          conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too often' }],
        },
      }),
    ],
    codes: 'JobFailed',
    tells: [/as often as backoffLimit allows/, /naru delete job\/report/],
  },
  {
    name: 'a suspended CronJob',
    objects: [of('batch/v1', 'CronJob', 'nightly', { spec: { schedule: '0 3 * * *', suspend: true } })],
    codes: 'Suspended',
    tells: [/starts no Jobs/],
  },
  {
    name: 'a CronJob that missed too much',
    objects: [
      of('batch/v1', 'CronJob', 'nightly', {
        spec: { schedule: '* * * * *' },
        status: { lastScheduleTime: ago(9000) },
      }),
      make.event(of('batch/v1', 'CronJob', 'nightly'), 'TooManyMissedTimes', 'too many missed start times'),
    ],
    codes: 'TooManyMissedTimes',
    tells: [/startingDeadlineSeconds/],
  },
  {
    name: 'an autoscaler without figures',
    objects: [
      of('autoscaling/v2', 'HorizontalPodAutoscaler', 'web', {
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }, maxReplicas: 3 },
        status: {
          conditions: [
            { type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'no metrics' },
          ],
        },
      }),
      deployment,
    ],
    codes: 'NoMetrics',
    tells: [/resources\.requests/],
  },
  {
    name: 'an autoscaler of nothing',
    objects: [
      of('autoscaling/v2', 'HorizontalPodAutoscaler', 'web', {
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }, maxReplicas: 3 },
      }),
    ],
    codes: 'TargetMissing',
    tells: [/Deployment "web"/],
  },
  {
    name: 'a budget that never lets go',
    objects: [
      of('policy/v1', 'PodDisruptionBudget', 'web', {
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
        status: { expectedPods: 1, currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 },
      }),
      make.ready('web-1'),
    ],
    codes: 'NeverAllows',
    tells: [/minAvailable: 1/, /maxUnavailable: 1/],
  },
];

const claim = (spec: Loose, rest: Loose = {}): KubeObject =>
  of('v1', 'PersistentVolumeClaim', 'data', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, ...spec },
    status: { phase: 'Pending' },
    ...rest,
  });
const storageClass = (name: string, rest: Loose = {}): KubeObject =>
  of('storage.k8s.io/v1', 'StorageClass', name, { provisioner: 'disk.example.com', ...rest });
const volume = of('v1', 'PersistentVolume', 'small', {
  spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: '' },
  status: { phase: 'Available' },
});
const old = of('v1', 'Namespace', 'old', {
  metadata: { deletionTimestamp: ago(900) },
  spec: {},
  status: { conditions: [{ type: 'NamespaceFinalizersRemaining', status: 'True', message: 'Some content' }] },
});
const database = of('db.example.com/v1', 'Database', 'main', {
  metadata: {
    namespace: 'old',
    deletionTimestamp: ago(900),
    finalizers: ['db.example.com/backup'],
    managedFields: [
      {
        manager: 'database-operator',
        operation: 'Update',
        fieldsV1: { 'f:metadata': { 'f:finalizers': { 'v:"db.example.com/backup"': {} } } },
      },
    ],
  },
});
const operator = (ready: number): KubeObject =>
  of('apps/v1', 'Deployment', 'database-operator', {
    metadata: { namespace: 'operators' },
    spec: { replicas: 1, selector: {}, template: { spec: { containers: [{ name: 'x', image: 'x' }] } } },
    status: { readyReplicas: ready, updatedReplicas: ready },
  });

const others: readonly Row[] = [
  {
    name: 'a claim without a class',
    objects: [claim({}), volume],
    codes: 'NoVolume',
    tells: [/volume small \(1Gi\) is free, but too small: 5Gi are asked for/],
  },
  {
    name: 'a claim of a class that is misspelt',
    objects: [claim({ storageClassName: 'naru-loccal' }), storageClass('naru-local')],
    codes: 'StorageClassMissing',
    tells: [/did you mean "naru-local"/],
  },
  {
    name: 'a claim whose driver is not installed',
    objects: [claim({ storageClassName: 'disk' }), storageClass('disk')],
    codes: 'ProvisionerMissing',
    tells: [/disk\.example\.com/],
  },
  {
    name: 'a claim that waits for a pod',
    objects: [claim({ storageClassName: 'disk' }), storageClass('disk', { volumeBindingMode: 'WaitForFirstConsumer' })],
    codes: 'WaitsForPod',
    tells: [/there is none yet/],
  },
  {
    name: 'a claim that lost its volume',
    objects: [claim({ volumeName: 'gone' }, { status: { phase: 'Lost' } })],
    codes: 'ClaimLost',
    tells: [/lost/],
  },
  {
    name: 'a claim that a pod keeps',
    objects: [
      claim({}, { metadata: { deletionTimestamp: ago(60), finalizers: ['kubernetes.io/pvc-protection'] } }),
      make.ready('web-1', { spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] } }),
    ],
    codes: 'HeldByFinalizer',
    tells: [/used by pod web-1/, /lose their volume/],
  },

  {
    name: 'a node that is silent',
    objects: [make.node('n1', { ready: 'Unknown' })],
    codes: 'NodeSilent',
    tells: [/for 6 min/, /naru join/],
  },
  {
    name: 'a node that cannot run pods',
    objects: [make.node('n1', { ready: 'False' })],
    codes: 'NodeNotReady',
    tells: [/naru doctor/],
  },
  {
    name: 'a webhook without a server',
    objects: [webhook({ service: { namespace: 'guard', name: 'guard' } })],
    codes: 'WebhookWithoutServer > ServiceMissing',
    tells: [/blocks every request/],
  },
  {
    name: 'an API that nobody answers for',
    objects: [
      of('apiregistration.k8s.io/v1', 'APIService', 'v1.metrics', {
        spec: { group: 'metrics', version: 'v1', service: { namespace: 'm', name: 'm' } },
        status: { conditions: [{ type: 'Available', status: 'False', reason: 'ServiceNotFound', message: 'no' }] },
      }),
    ],
    codes: 'ApiUnavailable > ServiceMissing',
    tells: [/no namespace can end/],
  },
  {
    name: 'a definition whose name is taken',
    objects: [
      of('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'a.b', {
        spec: { group: 'b', names: { kind: 'A' }, versions: [] },
        status: {
          conditions: [{ type: 'NamesAccepted', status: 'False', reason: 'ListKindConflict', message: 'taken' }],
        },
      }),
    ],
    codes: 'NamesAccepted',
    tells: [/taken/],
  },

  {
    name: 'a namespace held by an object whose operator is gone',
    objects: [old, database],
    codes: 'NamespaceTerminating > HeldByFinalizer',
    tells: [
      /no workload of this cluster looks like it/,
      /set by "database-operator"/,
      /naru release database\/main -n old --finalizer db.example.com\/backup/,
    ],
  },
  {
    name: 'a namespace held by an object whose operator is down',
    objects: [old, database, operator(0)],
    codes: 'NamespaceTerminating > HeldByFinalizer',
    tells: [/Deployment operators\/database-operator takes it away, and it does not run/],
  },
  {
    name: 'a namespace whose operator does not do its work',
    objects: [old, database, operator(1)],
    codes: 'NamespaceTerminating > HeldByFinalizer',
    tells: [/which runs, should take it away/, /naru logs deployment\/database-operator -n operators/],
  },
  {
    name: 'a custom resource that is not ready',
    objects: [
      of('db.example.com/v1', 'Database', 'main', {
        status: { conditions: [{ type: 'Ready', status: 'False', reason: 'NoStorage', message: 'the disk is full' }] },
      }),
    ],
    codes: 'NoStorage',
    tells: [/the disk is full/],
  },
  {
    name: 'a definition that waits for an object that is held',
    objects: [
      of('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'databases.db.example.com', {
        metadata: { deletionTimestamp: ago(600), finalizers: ['customresourcecleanup.apiextensions.k8s.io'] },
        spec: {
          group: 'db.example.com',
          scope: 'Namespaced',
          names: { kind: 'Database', plural: 'databases' },
          versions: [{ name: 'v1', served: true }],
        },
      }),
      database,
    ],
    codes: 'HeldByFinalizer > HeldByFinalizer',
    tells: [/1 object of its kind still there: old\/main/, /db\.example\.com\/backup/],
  },
  {
    name: 'a namespace that waits for an API that nobody answers for',
    objects: [
      of('v1', 'Namespace', 'old', {
        metadata: { deletionTimestamp: ago(900) },
        status: {
          conditions: [{ type: 'NamespaceDeletionDiscoveryFailure', status: 'True', message: 'discovery failed' }],
        },
      }),
      of('apiregistration.k8s.io/v1', 'APIService', 'v1.metrics', {
        spec: { group: 'metrics', version: 'v1', service: { namespace: 'm', name: 'm' } },
        status: { conditions: [{ type: 'Available', status: 'False', reason: 'ServiceNotFound', message: 'no' }] },
      }),
    ],
    codes: 'NamespaceTerminating > ApiUnavailable > ServiceMissing',
    tells: [/part of the API does not answer/, /naru delete apiservice\/v1\.metrics/],
  },
  {
    name: 'a custom resource that nobody looks at',
    objects: [
      of('db.example.com/v1', 'Database', 'main'),
      of('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'databases.db.example.com', {
        spec: {
          group: 'db.example.com',
          names: { kind: 'Database' },
          versions: [{ name: 'v1', subresources: { status: {} } }],
        },
      }),
    ],
    codes: 'Unattended',
    tells: [/no workload of this cluster looks like its controller/],
  },
];

describe('why it does not work', () => {
  for (const { name, objects, codes, tells } of [...network, ...workloads, ...others]) {
    test(name, async () => {
      const chain = await chainOf(objects);
      assert.equal(chain.codes, codes, chain.all);
      for (const words of tells) assert.match(chain.all, words);
    });
  }

  test('an application that works has no findings', async () => {
    const well = of('apps/v1', 'Deployment', 'web', {
      spec: { replicas: 1, selector: {}, template: {} },
      status: { readyReplicas: 1, updatedReplicas: 1 },
    });
    const objects = [ingress(), ingressClass, service(), make.ready('web-1', { spec: opened }), make.node('n1'), well];
    assert.deepEqual(await findingsOf(objects), []);
    assert.deepEqual((await explainAll(newInquiry(new SnapshotLook(objects)))).explanations, []);
  });

  test('a survey tells of a workload, and not again of its parts', async () => {
    const objects = [deployment, set, broken('web-1', set), broken('web-2', set), make.node('n1')];
    const { explanations, count } = await explainAll(newInquiry(new SnapshotLook(objects)), 'shop');
    assert.deepEqual(
      explanations.map(({ subject }) => `${subject.kind}/${subject.name}`),
      ['Deployment/web'],
    );
    assert.equal(count, 4);
  });

  test('causes that lead in a circle end', async () => {
    const guard = webhook({ service: { namespace: 'shop', name: 'web' } });
    const objects = [
      set,
      make.event(set, 'FailedCreate', 'Error creating: failed calling webhook "guard.example.com": refused'),
      guard,
      service(),
      broken('web-1', set),
      make.node('n1'),
    ];
    assert.match((await chainOf(objects)).codes, /^PodsNotReady > WebhookFailed > WebhookUnanswered > NoReadyPods/);
  });
});
