/**
 * The objects of story C: nine services, each as large on its day as a machine of its own, and small on all others. What a service asks for is
 * counted in twentieths of a machine, so that the story is the same on machines of any size.
 */
import { type Manifest, shellImage } from '../cluster/workload.ts';

export const serviceNames = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `service-${number}`);
/** Pods of a service on its day, and on others. */
export const peakReplicas = 6;
export const quietReplicas = 1;
/** A machine is twenty of these: a peak of six pods takes eighteen. */
export const podTwentieths = 3;

/** Nobody wants to wait five minutes for a machine that is gone. */
const awaySeconds = 3;

/** @param milliCpu what a pod asks for */
export function service(name: string, milliCpu: number): Manifest {
  const labels = { app: name, story: 'c' };
  const keys = ['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready'];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas: quietReplicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 2,
          tolerations: keys.map((key) => ({
            key,
            operator: 'Exists',
            effect: 'NoExecute',
            tolerationSeconds: awaySeconds,
          })),
          containers: [
            {
              name: 'app',
              image: shellImage,
              command: [
                '/bin/sh',
                '-c',
                "mkdir /www; hostname >/www/index.html; trap 'exit 0' TERM; httpd -p 8080 -h /www; while :; do sleep 0.2; done",
              ],
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 5 },
              resources: { requests: { cpu: `${milliCpu}m`, memory: '8Mi' } },
            },
          ],
        },
      },
    },
  };
}
