/** Upstream's `proxy.go` and `portforward.go` for Services, and NetworkPolicies as a user writes them with kubectl. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { eventually, freePort } from '../../harness.ts';
import { create, type Manifest, podManifest, script, shellImage } from '../workload.ts';
import { clusterIp, type GetLab, ipOf, serverImage } from './lab.ts';

const namespace = 'locked';
const waitMs = 60_000;

const policy = (name: string, spec: object): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace },
  spec: { podSelector: {}, ...spec },
});

export function accessTests(lab: GetLab, client: () => Pod): void {
  test('Proxy: should proxy through a service and a pod', async () => {
    const name = 'proxied';
    await lab().ready(name, { portNames: { web: 8080 } });
    await lab().service(name, { ports: [{ name: 'portname1', port: 80, targetPort: 'web', protocol: 'TCP' }] });
    await lab().reaches(client(), { host: name }, [name]);
    const base = '/api/v1/namespaces/default';
    for (const place of [
      'services/proxied:portname1',
      'services/http:proxied:portname1',
      'services/proxied:80',
      'pods/proxied:8080',
      'pods/http:proxied:8080',
    ])
      assert.equal(await lab().cluster.mustKubectl('get', '--raw', `${base}/${place}/proxy/hostname`), name, place);
    const local = await freePort();
    const { child, text } = lab().cluster.stream('port-forward', `service/${name}`, `${local}:80`);
    const answer = await eventually('the port is forwarded', async () =>
      (await fetch(`http://127.0.0.1:${local}/hostname`)).text(),
    );
    assert.equal(answer, name, text());
    child.kill();
    await lab().remove(name);
  });

  test('NetworkPolicy: default deny holds from a pod’s first packet on, and what is allowed gets through', async () => {
    const { cluster } = lab();
    const outside = await lab().ready('policy-outside');
    await cluster.mustKubectl('create', 'namespace', namespace);
    const pod = (name: string, role: string): Manifest => {
      const made = podManifest(name, {
        labels: { role },
        containers: [
          { image: serverImage, readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 } },
        ],
      });
      return { ...made, metadata: { ...made.metadata, namespace } };
    };
    const inNamespace = async (name: string): Promise<Pod> => {
      await cluster.mustKubectl('wait', '-n', namespace, '--for=condition=Ready', `pod/${name}`, '--timeout=80s');
      return cluster.json<Pod>('get', 'pod', '-n', namespace, name);
    };
    await create(cluster, pod('server', 'server'), pod('friend', 'friend'), pod('stranger', 'stranger'));
    const [server, friend, stranger] = await Promise.all(['server', 'friend', 'stranger'].map(inNamespace));
    assert.ok(server && friend && stranger);
    const place = { host: ipOf(server), port: 8080 };
    for (const from of [friend, stranger, outside]) await lab().reaches(from, place, ['server']);

    await create(cluster, policy('default-deny', { policyTypes: ['Ingress', 'Egress'] }));
    for (const from of [friend, stranger, outside]) await lab().fails(from, place, 'ABORT_ERR');
    await lab().fails(server, { host: ipOf(outside), port: 8080 }, 'ABORT_ERR');

    // New pods: what asks before anything else gets no answer either, and probes go on.
    const names = Array.from({ length: 4 }, (_, index) => `early-${index}`);
    const ask = `for i in 1 2 3; do echo | nc -w 1 ${ipOf(outside)} 8080 >/dev/null 2>&1 && echo through; done; echo asked`;
    const early = names.map((name) => podManifest(name, { containers: [{ image: shellImage, ...script(ask) }] }));
    await create(
      cluster,
      ...early.map((one) => ({ ...one, metadata: { ...one.metadata, namespace } })),
      pod('late', 'late'),
    );
    await inNamespace('late');
    for (const name of names) {
      const said = await eventually(
        `${name} has asked`,
        async () => {
          const text = await cluster.mustKubectl('logs', '-n', namespace, name);
          return text.includes('asked') ? text : undefined;
        },
        waitMs,
      );
      assert.equal(said, 'asked\n');
    }

    const to = (role: string) => [{ podSelector: { matchLabels: { role } } }];
    await create(
      cluster,
      policy('server-in', {
        podSelector: { matchLabels: { role: 'server' } },
        ingress: [{ from: to('friend'), ports: [{ port: 8080 }] }],
      }),
      policy('friend-out', {
        podSelector: { matchLabels: { role: 'friend' } },
        policyTypes: ['Egress'],
        egress: [{ to: to('server') }],
      }),
    );
    await lab().reaches(friend, place, ['server']);
    for (const from of [stranger, outside]) await lab().fails(from, place, 'ABORT_ERR');
    await cluster.mustKubectl('label', 'pod', '-n', namespace, 'stranger', 'role=friend', '--overwrite');
    await lab().reaches(stranger, place, ['server']);

    // Names of Services need a way to the DNS, too.
    const made = await lab()
      .resource('v1', 'Service', namespace)
      .create({
        metadata: { name: 'server' },
        spec: { selector: { role: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
      });
    await lab().reaches(friend, { host: clusterIp(made) }, ['server']);
    const { errors } = await lab().dial(friend, { host: `server.${namespace}.svc.cluster.local`, timeoutMs: 1000 });
    assert.equal(errors.length, 1);
    const dns = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } };
    await create(
      cluster,
      policy('dns', {
        policyTypes: ['Egress'],
        egress: [{ to: [dns], ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }] }],
      }),
    );
    await lab().reaches(friend, { host: `server.${namespace}.svc.cluster.local` }, ['server']);

    await cluster.mustKubectl('delete', 'networkpolicy', '-n', namespace, '--all');
    for (const from of [friend, outside]) await lab().reaches(from, place, ['server']);
    await cluster.mustKubectl('delete', 'namespace', namespace);
    await lab().remove('policy-outside');
  });
}
