/** The objects of story A: the application, and how it is reached. */
import process from 'node:process';
import type { Manifest } from '../cluster/workload.ts';

export const image = 'test/story-web:1';
export const host = 'web.test';
export const nodePort = 30_480;
export const graceSeconds = 10;
const labels = { app: 'web' };

export const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 6,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: graceSeconds,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: labels },
          },
        ],
        containers: [
          {
            name: 'web',
            image,
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
          },
        ],
      },
    },
  },
};

export const service: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { type: 'NodePort', selector: labels, ports: [{ port: 80, targetPort: 'http', nodePort }] },
};

export const ingress: Manifest = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'web' },
  spec: {
    rules: [
      {
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
        },
      },
    ],
  },
};

/** Visitors within the cluster, on a node that stays. */
export function innerVisitors(nodeName: string, url: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'visitors' },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': nodeName },
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'visitors',
          image,
          command: [process.execPath, '/app/visitors.ts', '--url', url, '--rate', '40', '--fresh'],
        },
      ],
    },
  };
}
