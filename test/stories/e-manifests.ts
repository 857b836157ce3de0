/** The objects of story E: five services that all need one key of a third party, and one address for their domains. */
import type { Manifest } from '../cluster/workload.ts';
import { graceSeconds, image } from './a-manifests.ts';

export const domains = ['shop', 'tickets', 'museum', 'club', 'kitchen'];
export const hostOf = (domain: string): string => `${domain}.test`;
export const secretName = 'third-party';
export const replicas = 2;

export const secret = (key: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: secretName },
  stringData: { key },
});

/** The annotation is all that a workload needs to follow its Secret. */
export function objectsOf(domain: string): readonly Manifest[] {
  const labels = { app: domain, story: 'e' };
  const deployment: Manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: domain, annotations: { 'naru.io/reload': 'true' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: domain } },
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: graceSeconds,
          containers: [
            {
              name: 'web',
              image,
              ports: [{ name: 'http', containerPort: 8080 }],
              env: [{ name: 'API_KEY', valueFrom: { secretKeyRef: { name: secretName, key: 'key' } } }],
              readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 5 },
            },
          ],
        },
      },
    },
  };
  const service: Manifest = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: domain },
    spec: { selector: { app: domain }, ports: [{ port: 80, targetPort: 'http' }] },
  };
  const backend = { service: { name: domain, port: { number: 80 } } };
  const ingress: Manifest = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: domain },
    spec: { rules: [{ host: hostOf(domain), http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  };
  return [deployment, service, ingress];
}
