/** Upstream's `networking.go` (the granular checks too), `hostport.go` and `conntrack.go`: packets between pods, nodes and Services. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { eventually, freePort } from '../../harness.ts';
import { clusterIp, type GetLab, ipOf, nodePort } from './lab.ts';

const ports = [
  { name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' },
  { name: 'udp', port: 90, targetPort: 8080, protocol: 'UDP' },
] as const;
const portOf = { http: 80, udp: 90 } as const;
const protocols = ['http', 'udp'] as const;
const fromPort = 12_345;

export function networkingTests(lab: GetLab, client: () => Pod, onHost: () => Pod): void {
  test('Networking: should function for intra-pod, node-pod and pod-node communication', async () => {
    const pods = await lab().servers('intra', 2, { udp: [8080] });
    for (const [index, pod] of pods.entries()) {
      for (const protocol of protocols) {
        const ask = { host: ipOf(pod), port: 8080, protocol };
        for (const from of [pods[1 - index] as Pod, pod, onHost()]) await lab().reaches(from, ask, [`intra-${index}`]);
      }
    }
    const [port = 0] = (onHost().spec?.containers[0]?.env ?? [])
      .filter(({ name }) => name === 'HTTP')
      .map(({ value }) => Number(value));
    await lab().reaches(client(), { host: ipOf(onHost()), port }, ['on-host']);
    const { answers } = await lab().dial(client(), { host: ipOf(onHost()), port, request: 'clientip' });
    assert.equal(answers[0]?.split(':')[0], ipOf(client()), 'pods keep their address on their node');
    await lab().remove('intra-0', 'intra-1');
  });

  test('Granular Checks: Services should function for pods, nodes and endpoints, and when endpoints change', async () => {
    const app = 'granular';
    const pods = (await lab().servers(app, 3, { udp: [8080] })).map(({ metadata }) => metadata?.name ?? '');
    const [own] = pods.map((name) => lab().watch.history(name).at(-1));
    const service = await lab().service(app, { type: 'NodePort', ports });
    const node = await lab().nodeAddress();
    for (const [index, protocol] of protocols.entries()) {
      for (const from of [client(), onHost(), own as Pod]) {
        await lab().reaches(from, { host: clusterIp(service), port: portOf[protocol], protocol }, pods);
        await lab().reaches(from, { host: node, port: nodePort(service, index), protocol }, pods);
      }
    }
    const [gone = '', ...rest] = pods;
    await lab().remove(gone);
    await lab().watch.gone(gone);
    for (const protocol of protocols) {
      await lab().reaches(client(), { host: clusterIp(service), port: portOf[protocol], protocol }, rest);
    }
    await lab().change(app, { type: 'ClusterIP', ports });
    await lab().fails(client(), { host: node, port: nodePort(service) });
    await lab().remove(...rest);
  });

  test('Granular Checks: should be able to handle large requests', async () => {
    const app = 'large';
    await lab().ready(app, { udp: [8080] });
    const service = await lab().service(app, { ports });
    for (const [protocol, bytes] of [['http', 1 << 20] as const, ['udp', 4096] as const]) {
      const ask = { host: clusterIp(service), port: portOf[protocol], protocol };
      await lab().reaches(client(), ask, [app]);
      const body = '42'.repeat(bytes / 2);
      const { answers } = await lab().dial(client(), { ...ask, request: 'echo', body, timeoutMs: 10_000 });
      assert.equal(answers[0]?.length, body.length, protocol);
      assert.ok(answers[0] === body);
    }
    await lab().remove(app);
  });

  test('Granular Checks: should function for service endpoints using hostNetwork', async () => {
    const app = 'host-endpoint';
    const port = await freePort();
    await lab().ready(app, { hostNetwork: true, http: [port], udp: [port] });
    const [http, udp] = ports;
    const targeted = [
      { ...http, targetPort: port },
      { ...udp, targetPort: port },
    ];
    const service = await lab().service(app, { type: 'NodePort', ports: targeted });
    for (const protocol of protocols) {
      for (const from of [client(), onHost()])
        await lab().reaches(from, { host: clusterIp(service), port: portOf[protocol], protocol }, [app]);
    }
    await lab().reaches(client(), { host: await lab().nodeAddress(), port: nodePort(service) }, [app]);
    await lab().remove(app);
  });

  test('Granular Checks: multiple endpoint-Services with same selector', async () => {
    const app = 'same-selector';
    await lab().ready(app, { udp: [8080] });
    const made = [await lab().service(app, { ports }), await lab().service(`${app}-2`, { ports, selector: { app } })];
    for (const service of made) await lab().reaches(client(), { host: clusterIp(service) }, [app]);
    await lab().services.delete(`${app}-2`);
    await lab().fails(client(), { host: clusterIp(made[1] ?? {}) });
    await lab().reaches(client(), { host: clusterIp(made[0] ?? {}) }, [app]);
    await lab().remove(app);
  });

  test('HostPort: validates that there is no conflict between pods with same hostPort but different hostIP and protocol', async () => {
    const hostPort = await freePort();
    const node = await lab().nodeAddress();
    const place = (hostIP: string, protocol: 'TCP' | 'UDP') => ({
      containers: [{ ports: [{ hostIP, hostPort, containerPort: 8080, protocol }] }],
    });
    await lab().ready('host-port-1', place('127.0.0.1', 'TCP'));
    await lab().ready('host-port-2', place(node, 'TCP'));
    await lab().ready('host-port-3', { ...place(node, 'UDP'), udp: [8080] });
    await lab().reaches(onHost(), { host: '127.0.0.1', port: hostPort }, ['host-port-1']);
    for (const from of [onHost(), client()]) {
      await lab().reaches(from, { host: node, port: hostPort }, ['host-port-2']);
      await lab().reaches(from, { host: node, port: hostPort, protocol: 'udp' }, ['host-port-3']);
    }
    await lab().server('host-port-4', place(node, 'TCP'));
    const pending = await lab().watch.until('host-port-4', 'it is not placed', ({ status }) =>
      Boolean(status?.conditions?.some(({ type, status: is }) => type === 'PodScheduled' && is === 'False')),
    );
    const [scheduled] = pending.status?.conditions ?? [];
    assert.match(scheduled?.message ?? '', /didn't have free ports for the requested pod ports/);
    await lab().remove('host-port-2');
    const other = await lab().watch.ready('host-port-4');
    await lab().reaches(onHost(), { host: node, port: hostPort }, [other.metadata?.name ?? '']);
    await lab().remove('host-port-1', 'host-port-3', 'host-port-4');
    await lab().watch.gone('host-port-4');
    await lab().fails(onHost(), { host: node, port: hostPort });
  });

  for (const [index, [kind, fromHost]] of (
    [
      ['NodePort', false],
      ['ClusterIP', false],
      ['ClusterIP', true],
    ] as const
  ).entries()) {
    const where = fromHost ? ' and client is hostNetwork' : '';
    test(`Conntrack: should be able to preserve UDP traffic when server pod cycles for a ${kind} service${where}`, async () => {
      const app = `udp-cycle-${index}`;
      const service = await lab().service(app, { type: kind, ports });
      const place =
        kind === 'NodePort'
          ? { host: await lab().nodeAddress(), port: nodePort(service, 1) }
          : { host: clusterIp(service), port: portOf.udp };
      const from = fromHost ? onHost() : client();
      // One port for all questions, so that the kernel takes them for one flow.
      const ask = { ...place, protocol: 'udp', from: fromPort + index, timeoutMs: 500 } as const;
      await lab().fails(from, ask);
      await lab().ready(`${app}-1`, { labels: { app }, udp: [8080] });
      await lab().reaches(from, ask, [`${app}-1`]);
      await lab().ready(`${app}-2`, { labels: { app }, udp: [8080] });
      await lab().endpoints(app, { [`${app}-1`]: [8080, 8080], [`${app}-2`]: [8080, 8080] });
      await lab().remove(`${app}-1`);
      await lab().reaches(from, ask, [`${app}-2`]);
      await lab().remove(`${app}-2`);
    });
  }

  test('Conntrack: should be able to preserve UDP traffic when initial unready endpoints get ready', async () => {
    const app = 'udp-unready';
    const service = await lab().service(app, { ports });
    const ask = { host: clusterIp(service), port: portOf.udp, protocol: 'udp', from: fromPort + 10 } as const;
    await lab().fails(client(), ask);
    await lab().server(app, { udp: [8080], initContainers: [{ command: ['sleep', '2'] }] });
    await eventually(
      'questions are asked until it is there',
      async () => {
        const { answers } = await lab().dial(client(), { ...ask, timeoutMs: 300 });
        return answers[0] === app;
      },
      90_000,
    );
    await lab().remove(app);
  });
}
