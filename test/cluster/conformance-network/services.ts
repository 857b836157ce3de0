/** Upstream's `service.go`: whom a Service leads to, when nobody is there, and who is left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { eventually } from '../../harness.ts';
import { clusterIp, type GetLab, ipOf } from './lab.ts';

const tcp = (port: number, targetPort: number | string, name = `tcp-${port}`) =>
  ({ name, port, targetPort, protocol: 'TCP' }) as const;
const udp = (port: number, targetPort: number, name = `udp-${port}`) =>
  ({ name, port, targetPort, protocol: 'UDP' }) as const;

export function serviceTests(lab: GetLab, client: () => Pod, onHost: () => Pod): void {
  test('Services: should provide secure master service', async () => {
    const { spec } = await lab().services.get('kubernetes');
    assert.deepEqual(
      spec.ports.map(({ name, port }: { name: string; port: number }) => [name, port]),
      [['https', 443]],
    );
    const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
    const { stdout: token } = await lab().run(client(), 'busybox', 'cat', `${folder}/token`);
    for (const host of [spec.clusterIP, 'kubernetes.default.svc', 'kubernetes.default', 'kubernetes']) {
      const { code, body } = await lab().https(client(), `https://${host}/api/v1/namespaces/default/pods`, token);
      assert.equal(code, 403, body);
      assert.match(body, /User \\"system:serviceaccount:default:default\\" cannot list resource \\"pods\\"/, host);
    }
    const { code } = await lab().https(onHost(), `https://${spec.clusterIP}/version`, token);
    assert.equal(code, 200, 'and a pod in the machine’s own network');
  });

  test('Services: should serve a basic endpoint from pods', async () => {
    const name = 'basic';
    const service = await lab().service(name);
    const host = clusterIp(service);
    await lab().endpoints(name, {});
    await lab().fails(client(), { host });
    await lab().ready('basic-1', { labels: { app: name } });
    await lab().endpoints(name, { 'basic-1': [8080] });
    await lab().reaches(client(), { host }, ['basic-1']);
    await lab().ready('basic-2', { labels: { app: name } });
    await lab().endpoints(name, { 'basic-1': [8080], 'basic-2': [8080] });
    await lab().reaches(client(), { host }, ['basic-1', 'basic-2']);
    await lab().remove('basic-1');
    await lab().endpoints(name, { 'basic-2': [8080] });
    await lab().reaches(client(), { host }, ['basic-2']);
    await lab().reaches(onHost(), { host }, ['basic-2']);
    await lab().remove('basic-2');
    await lab().endpoints(name, {});
    await lab().fails(client(), { host });
    await lab().services.delete(name);
    await lab().fails(client(), { host });
  });

  test('Services: should serve multiport endpoints from pods, and be updated after adding or deleting ports', async () => {
    const name = 'multiport';
    const service = await lab().service(name, { ports: [tcp(80, 100, 'portname1'), tcp(81, 101, 'portname2')] });
    const host = clusterIp(service);
    await lab().server('multiport-1', { labels: { app: name }, http: [100] });
    await lab().server('multiport-2', { labels: { app: name }, http: [101] });
    await Promise.all(['multiport-1', 'multiport-2'].map((pod) => lab().watch.ready(pod)));
    await lab().endpoints(name, { 'multiport-1': [100, 101], 'multiport-2': [100, 101] });
    // Each listens on one of the two: the other port refuses, as its pod does.
    await eventually('one of two answers, once the node knows both', async () => {
      const { answers, errors } = await lab().dial(client(), { host, port: 80, tries: 30 });
      assert.deepEqual([[...new Set(answers)], [...new Set(errors)]], [['multiport-1'], ['ECONNREFUSED']]);
      return true;
    });
    await lab().change(name, { ports: [tcp(80, 100, 'portname1')] });
    await lab().fails(client(), { host, port: 81 });
    await lab().endpoints(name, { 'multiport-1': [100], 'multiport-2': [100] });
    await lab().change(name, { ports: [tcp(8000, 101, 'other')] });
    await lab().fails(client(), { host, port: 80 });
    await lab().remove('multiport-1');
    await lab().reaches(client(), { host, port: 8000 }, ['multiport-2']);
    await lab().remove('multiport-2');
  });

  test('Services: should serve endpoints on same port and different protocols', async () => {
    const name = 'protocols';
    const service = await lab().service(name, { ports: [tcp(80, 8080)] });
    const host = clusterIp(service);
    await lab().ready(name, { http: [8080], udp: [8080] });
    await lab().reaches(client(), { host }, [name]);
    await lab().fails(client(), { host, protocol: 'udp' });
    await lab().change(name, { ports: [tcp(80, 8080), udp(80, 8080)] });
    await lab().reaches(client(), { host, protocol: 'udp' }, [name]);
    await lab().reaches(client(), { host }, [name]);
    await lab().change(name, { ports: [udp(80, 8080)] });
    await lab().fails(client(), { host });
    await lab().reaches(client(), { host, protocol: 'udp' }, [name]);
    await lab().remove(name);
  });

  test('Services: should support named targetPorts that resolve to different ports on different endpoints', async () => {
    const name = 'named-ports';
    const service = await lab().service(name, { ports: [tcp(80, 'serve')] });
    await lab().server('named-ports-1', { labels: { app: name }, http: [3000], portNames: { serve: 3000 } });
    await lab().server('named-ports-2', { labels: { app: name }, http: [3001], portNames: { serve: 3001 } });
    await lab().endpoints(name, { 'named-ports-1': [3000], 'named-ports-2': [3001] });
    await lab().reaches(client(), { host: clusterIp(service) }, ['named-ports-1', 'named-ports-2']);
    await lab().remove('named-ports-1', 'named-ports-2');
  });

  test('Services: should preserve source pod IP for traffic thru service cluster IP', async () => {
    const name = 'source-ip';
    const service = await lab().service(name, { ports: [tcp(80, 8080), udp(80, 8080)] });
    await lab().ready(name, { udp: [8080] });
    for (const protocol of ['http', 'udp'] as const) {
      await lab().reaches(client(), { host: clusterIp(service), protocol }, [name]);
      const { answers } = await lab().dial(client(), { host: clusterIp(service), protocol, request: 'clientip' });
      assert.equal(answers[0]?.split(':')[0], ipOf(client()), protocol);
    }
    await lab().remove(name);
  });

  test('Services: should allow pods to hairpin back to themselves through services', async () => {
    const name = 'hairpin';
    const service = await lab().service(name, { type: 'NodePort', ports: [tcp(80, 8080), udp(80, 8080)] });
    const pod = await lab().ready(name, { udp: [8080] });
    for (const protocol of ['http', 'udp'] as const) {
      await lab().reaches(pod, { host: clusterIp(service), protocol }, [name]);
      const port = service.spec?.ports?.[protocol === 'http' ? 0 : 1]?.nodePort ?? 0;
      await lab().reaches(pod, { host: await lab().nodeAddress(), port, protocol }, [name]);
    }
    await lab().remove(name);
  });

  test('Services: should be able to up and down services, and work after the service has been recreated', async () => {
    const pods = await lab().servers('up-down', 2);
    const names = pods.map(({ metadata }) => metadata?.name ?? '');
    const spec = { selector: { app: 'up-down' } };
    const [one, two] = [await lab().service('up-down-1', spec), await lab().service('up-down-2', spec)];
    for (const service of [one, two]) await lab().reaches(client(), { host: clusterIp(service) }, names);
    await lab().services.delete('up-down-1');
    await lab().fails(client(), { host: clusterIp(one) });
    await lab().reaches(client(), { host: clusterIp(two) }, names);
    const again = await lab().service('up-down-1', { ...spec, clusterIP: clusterIp(one) });
    for (const service of [again, two]) await lab().reaches(client(), { host: clusterIp(service) }, names);
    await lab().remove(...names);
  });

  test('Services: should implement service.kubernetes.io/service-proxy-name and headless', async () => {
    const pods = await lab().servers('labelled', 1);
    const names = pods.map(({ metadata }) => metadata?.name ?? '');
    const spec = { selector: { app: 'labelled' } };
    const proxied = clusterIp(await lab().service('labelled-off', spec));
    await lab().reaches(client(), { host: proxied }, names);
    for (const [label, value] of [
      ['service.kubernetes.io/service-proxy-name', 'foo-bar'],
      ['service.kubernetes.io/headless', ''],
    ] as const) {
      const labels = { [label]: value };
      const from = clusterIp(await lab().service(`labelled-${label.split('/')[1]}`, spec, { labels }));
      await lab().fails(client(), { host: from });
      await lab().services.patch(`labelled-${label.split('/')[1]}`, 'merge', {
        metadata: { labels: { [label]: null } },
      });
      await lab().reaches(client(), { host: from }, names);
      await lab().services.patch('labelled-off', 'merge', { metadata: { labels } });
      await lab().fails(client(), { host: proxied });
      await lab().services.patch('labelled-off', 'merge', { metadata: { labels: { [label]: null } } });
      await lab().reaches(client(), { host: proxied }, names);
    }
    await lab().remove(...names);
  });

  test('Services: should be rejected when no endpoints exist', async () => {
    const service = await lab().service('nobody', { type: 'NodePort', ports: [tcp(80, 8080), udp(80, 8080)] });
    const address = await lab().nodeAddress();
    for (const from of [client(), onHost()]) {
      for (const [index, protocol] of (['http', 'udp'] as const).entries()) {
        await lab().fails(from, { host: clusterIp(service), protocol });
        await lab().fails(from, { host: address, protocol, port: service.spec?.ports?.[index]?.nodePort ?? 0 });
      }
    }
  });

  test('Services: should create endpoints for unready pods', async () => {
    const name = 'tolerate-unready';
    const service = await lab().service(name, { publishNotReadyAddresses: true });
    const readinessProbe = { exec: { command: ['/bin/false'] }, periodSeconds: 1 };
    await lab().server(name, { containers: [{ readinessProbe }] });
    await lab().reaches(client(), { host: clusterIp(service) }, [name]);
    await lab().reaches(client(), { host: name }, [name]);
    await lab().change(name, { publishNotReadyAddresses: false });
    await lab().fails(client(), { host: clusterIp(service) });
    await lab().change(name, { publishNotReadyAddresses: true });
    await lab().reaches(client(), { host: clusterIp(service) }, [name]);
    await lab().remove(name);
  });

  for (const published of [true, false]) {
    const may = published ? 'should' : 'should not';
    test(`Services: ${may} be able to connect to terminating and unready endpoints if PublishNotReadyAddresses is ${published}`, async () => {
      const name = published ? 'terminating-published' : 'terminating-hidden';
      const service = await lab().service(name, { publishNotReadyAddresses: published });
      const ask = { host: clusterIp(service) };
      const pod = await lab().ready(name, { ignoresTerm: true, terminationGracePeriodSeconds: 120 });
      await lab().reaches(client(), ask, [name]);
      await lab().run(pod, 'busybox', 'touch', '/tmp/unready');
      await lab().resource('v1', 'Pod').delete(name);
      if (published) {
        await lab().watch.until(name, 'it is on its way out, and unready', ({ metadata, status }) => {
          const isReady = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
          return metadata?.deletionTimestamp !== undefined && isReady === 'False';
        });
        await lab().reaches(client(), ask, [name]);
      } else {
        await lab().fails(client(), ask);
      }
      await lab().resource('v1', 'Pod').delete(name, { gracePeriodSeconds: 0 });
    });
  }

  test('Services: should fallback to terminating endpoints when there are no ready endpoints', async () => {
    const name = 'terminating-fallback';
    const service = await lab().service(name, { type: 'NodePort' });
    const policies = [{ internalTrafficPolicy: 'Local' }, { externalTrafficPolicy: 'Local' }];
    await lab().ready(name, { ignoresTerm: true, terminationGracePeriodSeconds: 120 });
    await lab().reaches(client(), { host: clusterIp(service) }, [name]);
    await lab().resource('v1', 'Pod').delete(name);
    await lab().endpoints(name, {});
    for (const policy of [{}, ...policies]) {
      const changed = await lab().change(name, policy);
      await lab().reaches(client(), { host: clusterIp(changed) }, [name]);
      const port = changed.spec?.ports?.[0]?.nodePort ?? 0;
      await lab().reaches(onHost(), { host: await lab().nodeAddress(), port }, [name]);
    }
    await lab().ready('fallback-other', { labels: { app: name } });
    await lab().reaches(client(), { host: clusterIp(service) }, ['fallback-other']);
    await lab().resource('v1', 'Pod').delete(name, { gracePeriodSeconds: 0 });
    await lab().remove('fallback-other');
  });

  test('Services: should be possible to connect to a service via ExternalIP when the external IP is not assigned to a node', async () => {
    const name = 'external-ip';
    const host = '203.0.113.250';
    await lab().service(name, { externalIPs: [host] });
    await lab().ready(name);
    await lab().reaches(client(), { host }, [name]);
    await lab().reaches(onHost(), { host }, [name]);
    await lab().services.delete(name);
    await lab().remove(name);
  });

  test('Services: should respect internalTrafficPolicy=Local', async () => {
    const name = 'internal-local';
    const service = await lab().service(name, { internalTrafficPolicy: 'Local' });
    await lab().ready(name);
    for (const from of [client(), onHost()]) await lab().reaches(from, { host: clusterIp(service) }, [name]);
    await lab().remove(name);
  });

  test('EndpointSlice: should support a Service with multiple ports and multiple endpoint IPs specified in multiple EndpointSlices', async () => {
    const name = 'manual';
    const pods = await lab().servers(name, 2, { http: [3001, 3002] });
    const ports = [tcp(80, 3001, 'portname1'), tcp(81, 3002, 'portname2')];
    const service = (await lab().services.create({ metadata: { name }, spec: { ports } })) as {
      spec: { clusterIP: string };
    };
    const slices = lab().resource('discovery.k8s.io/v1', 'EndpointSlice');
    const slice = (index: number, of: readonly Pod[], portName: string, port: number) =>
      slices.create({
        metadata: { name: `manual-${index}`, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: of.map((pod) => ({ addresses: [ipOf(pod)] })),
        ports: [{ name: portName, port, protocol: 'TCP' }],
      });
    await slice(1, pods, 'portname1', 3001);
    await slice(2, pods.slice(0, 1), 'portname2', 3002);
    const host = service.spec.clusterIP;
    await lab().reaches(client(), { host, port: 80 }, ['manual-0', 'manual-1']);
    await lab().reaches(client(), { host, port: 81 }, ['manual-0']);
    await lab().services.delete(name);
    await lab().fails(client(), { host, port: 81 });
    await lab().remove('manual-0', 'manual-1');
  });

  test('EndpointSliceMirroring: should mirror custom Endpoints, and traffic follows them', async () => {
    const name = 'mirrored';
    const [one, two] = await lab().servers(name, 2);
    const ports = [{ name: 'example', port: 80, targetPort: 8080 }];
    const service = (await lab().services.create({ metadata: { name }, spec: { ports } })) as {
      spec: { clusterIP: string };
    };
    const endpoints = lab().resource('v1', 'Endpoints');
    const subsets = (pod: Pod | undefined) => [
      { addresses: [{ ip: ipOf(pod as Pod) }], ports: [{ name: 'example', port: 8080 }] },
    ];
    const standing = await endpoints.create({ metadata: { name }, subsets: subsets(one) });
    await lab().reaches(client(), { host: service.spec.clusterIP }, ['mirrored-0']);
    await endpoints.update({ ...standing, subsets: subsets(two) });
    await lab().reaches(client(), { host: service.spec.clusterIP }, ['mirrored-1']);
    await endpoints.delete(name);
    await lab().fails(client(), { host: service.spec.clusterIP });
    await lab().remove('mirrored-0', 'mirrored-1');
  });

  test('Service endpoints latency should not be very high', async () => {
    const app = 'latency';
    await lab().ready(app);
    const names = Array.from({ length: 50 }, (_, index) => `${app}-${index}`);
    const made = await Promise.all(names.map((name) => lab().service(name, { selector: { app } })));
    for (const [index, service] of made.entries()) {
      await eventually(
        `service ${index} answers`,
        async () => (await lab().dial(client(), { host: clusterIp(service) })).answers[0] === app,
        20_000,
      );
    }
    await Promise.all(names.map((name) => lab().services.delete(name)));
    await lab().fails(client(), { host: clusterIp(made[7] ?? {}) });
    await lab().remove(app);
  });
}
