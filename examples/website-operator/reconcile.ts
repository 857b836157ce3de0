/** From a Website to what it takes to serve it. Pure: the kit carries it out, and a test compares. */
import { type ConditionWish, conditionsOf, type Plan, resources, type View, want } from 'naru/operator';
import type { Website } from './website.ts';

const pagesImage = 'nginx:stable';
const pagesFolder = '/usr/share/nginx/html';

/** Kinds of the children. */
export const owns = [resources.configMaps, resources.deployments, resources.services, resources.ingresses];

export function reconcile(site: Website, view: Pick<View, 'find' | 'now'>): Plan<Website> {
  const { name = '' } = site.metadata;
  const { host, image = pagesImage, pages, replicas } = site.spec;
  const labels = { 'app.kubernetes.io/name': 'website', 'app.kubernetes.io/instance': name };
  const metadata = { name, labels };
  const container = {
    name: 'web',
    image,
    ports: [{ name: 'http', containerPort: 80 }],
    readinessProbe: { httpGet: { path: '/', port: 'http' } },
    ...(pages && { volumeMounts: [{ name: 'pages', mountPath: pagesFolder, readOnly: true }] }),
  };
  const volumes = pages && [{ name: 'pages', configMap: { name } }];
  const objects = [
    ...(pages ? [{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: pages }] : []),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container], ...(volumes && { volumes }) } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata,
      spec: {
        rules: [
          {
            host,
            http: {
              paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { name: 'http' } } } }],
            },
          },
        ],
      },
    },
  ];
  const readyReplicas = view.find(resources.deployments, name)?.status?.readyReplicas ?? 0;
  const status = {
    url: `http://${host}/`,
    readyReplicas,
    conditions: conditionsOf(site, [readiness(readyReplicas, replicas)], view.now),
  };
  return want<Website>(objects, { status });
}

function readiness(ready: number, wanted: number): ConditionWish {
  const isReady = ready >= wanted;
  return {
    type: 'Ready',
    status: isReady ? 'True' : 'False',
    reason: isReady ? 'AllReplicasReady' : 'ReplicasMissing',
    message: `${ready} of ${wanted} replicas are ready`,
  };
}
