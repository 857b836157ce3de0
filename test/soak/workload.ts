/**
 * What runs during a soak: deployments of busybox, a family a way of living. A pod that is lost is made again, so that there are always so
 * many; all of them are Ready when nobody disturbs them.
 */
import type { Container, PodSpec } from '../../src/api/schema/types/core-v1.ts';
import { type Manifest, shellImage } from '../cluster/workload.ts';

/** Costs nothing while it runs, and ends at once when it is told to. */
const stays = "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done";

const container = (name: string, script: string, more: Partial<Container> = {}): Container => ({
  name,
  image: shellImage,
  command: ['/bin/sh', '-c', script],
  ...more,
});

const shared = [{ name: 'shared', mountPath: '/shared' }];
const sharedVolume = { name: 'shared', emptyDir: {} };

interface Family {
  readonly name: string;
  /** Of a hundred pods. */
  readonly share: number;
  readonly spec: Pick<PodSpec, 'containers'> & Partial<PodSpec>;
}

const families: readonly Family[] = [
  {
    name: 'web',
    share: 30,
    spec: {
      containers: [
        container('app', `mkdir /www; echo here >/www/index.html; httpd -p 8080 -h /www; ${stays}`, {
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 5 },
          livenessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 10, failureThreshold: 6 },
        }),
      ],
    },
  },
  {
    name: 'sidecar',
    share: 20,
    spec: {
      initContainers: [
        container('prepare', 'echo prepared >/shared/state', { volumeMounts: shared }),
        container('beside', `echo beside >/shared/beside; ${stays}`, { restartPolicy: 'Always', volumeMounts: shared }),
      ],
      containers: [container('app', `cat /shared/state && ${stays}`, { volumeMounts: shared })],
      volumes: [sharedVolume],
    },
  },
  {
    name: 'volumes',
    share: 20,
    spec: {
      containers: [
        container('app', `cat /config/key /secret/key /about/name && echo x >/memory/file && ${stays}`, {
          volumeMounts: [
            ...shared,
            { name: 'memory', mountPath: '/memory' },
            { name: 'config', mountPath: '/config' },
            { name: 'secret', mountPath: '/secret', readOnly: true },
            { name: 'about', mountPath: '/about' },
            { name: 'shared', mountPath: '/part', subPath: 'part' },
          ],
        }),
      ],
      volumes: [
        sharedVolume,
        { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        { name: 'config', configMap: { name: 'soak' } },
        { name: 'secret', secret: { secretName: 'soak' } },
        { name: 'about', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ],
    },
  },
  {
    name: 'probed',
    share: 10,
    spec: {
      containers: [
        container('app', `echo up >/tmp-ready; ${stays}`, {
          readinessProbe: {
            exec: { command: ['/bin/sh', '-c', 'test -e /tmp-ready'] },
            periodSeconds: 20,
            timeoutSeconds: 10,
          },
          lifecycle: { preStop: { exec: { command: ['/bin/sh', '-c', 'sleep 0.2'] } } },
        }),
      ],
    },
  },
  {
    name: 'restarting',
    share: 10,
    spec: {
      containers: [
        container('app', `echo x >>/shared/starts; [ $(wc -l </shared/starts) -gt 2 ] || exit 1; ${stays}`, {
          volumeMounts: shared,
        }),
      ],
      volumes: [sharedVolume],
    },
  },
  {
    name: 'together',
    share: 10,
    spec: {
      shareProcessNamespace: true,
      containers: [container('one', stays), container('two', stays)],
    },
  },
];

/** Everything that `count` pods need, and they themselves. */
export function soakObjects(count: number): readonly Manifest[] {
  const counts = families.map(({ share }) => Math.floor((count * share) / 100));
  const rest = count - counts.reduce((sum, one) => sum + one, 0);
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'soak' }, data: { key: 'value' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'soak' }, stringData: { key: 'hidden' } },
    ...families.map((family, at) => deployment(family, (counts[at] ?? 0) + (at === 0 ? rest : 0))),
  ];
}

function deployment({ name, spec }: Family, replicas: number): Manifest {
  const labels = { soak: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 5, ...spec } },
    },
  };
}
