/** Upstream's `service.go`: Services become other kinds of Services, and the ports and addresses of nodes that they have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, Service } from '../../../src/api/schema/types/core-v1.ts';
import type { ApiError, Sent } from '../../clients/conformance/wire.ts';
import { eventually } from '../../harness.ts';
import { clusterIp, type GetLab, ipOf, nodePort } from './lab.ts';

const ports = [{ port: 80, name: 'http', protocol: 'TCP', targetPort: 8080 }] as const;

export function typeTests(lab: GetLab, client: () => Pod, onHost: () => Pod): void {
  /** By its name from pods, and at the node's port where it has one. */
  const serves = async (name: string, pods: readonly string[]): Promise<void> => {
    const service = await lab().services.get(name);
    await lab().reaches(client(), { host: name }, pods);
    await lab().reaches(client(), { host: clusterIp(service) }, pods);
    const port = nodePort(service);
    if (port === 0) return;
    const host = await lab().nodeAddress();
    for (const from of [client(), onHost()]) await lab().reaches(from, { host, port }, pods);
  };

  for (const type of ['ClusterIP', 'NodePort'] as const) {
    test(`Services: should be able to change the type from ExternalName to ${type}, and back`, async () => {
      const name = `external-name-${type.toLowerCase()}`;
      const [target] = await lab().servers(name, 1);
      assert.ok(target);
      const externalName = `${name}-target.default.svc.cluster.local`;
      await lab().service(`${name}-target`, { selector: { app: name } });
      await lab().services.create({ metadata: { name }, spec: { type: 'ExternalName', externalName } });
      await lab().reaches(client(), { host: name }, [`${name}-0`]);
      await lab().change(name, { type, externalName: null, ports, selector: { app: name } });
      await serves(name, [`${name}-0`]);
      const before = await lab().services.get(name);
      await lab().change(name, { type: 'ExternalName', externalName });
      const after = await lab().services.get(name);
      assert.deepEqual([after.spec.clusterIP ?? '', nodePort(after)], ['', 0]);
      await lab().fails(client(), { host: clusterIp(before) });
      if (type === 'NodePort') await lab().fails(client(), { host: await lab().nodeAddress(), port: nodePort(before) });
      await eventually('the name leads on', async () => {
        const { stdout } = await lab().run(
          client(),
          'busybox',
          'nslookup',
          '-type=cname',
          `${name}.default.svc.cluster.local`,
        );
        return stdout.includes(`canonical name = ${externalName}`);
      });
      await lab().remove(`${name}-0`);
    });
  }

  test('LoadBalancers: should be able to change the type and ports of a service', async () => {
    const name = 'mutability';
    const pods = (await lab().servers(name, 2)).map(({ metadata }) => metadata?.name ?? '');
    const address = await lab().nodeAddress();
    const service = await lab().service(name);
    await serves(name, pods);
    let changed = await lab().change(name, { type: 'NodePort' });
    assert.equal(clusterIp(changed), clusterIp(service), 'its address stays');
    await serves(name, pods);
    const first = nodePort(changed);
    const [port] = changed.spec?.ports ?? [];
    changed = await lab().change(name, { ports: [{ ...port, nodePort: 0 }] });
    changed = await withNodePort(first, (wanted) => lab().change(name, { ports: [{ ...port, nodePort: wanted }] }));
    await serves(name, pods);
    await lab().fails(client(), { host: address, port: first });
    changed = await lab().change(name, { type: 'LoadBalancer', ports: [{ ...changed.spec?.ports?.[0], port: 8081 }] });
    await serves8081(name, pods);
    const ip = await eventually('it has an address of a load balancer', async () => {
      const { status }: Sent = await lab().services.get(name);
      return status.loadBalancer?.ingress?.[0]?.ip as string | undefined;
    });
    for (const from of [client(), onHost()]) await lab().reaches(from, { host: ip, port: 8081 }, pods);
    await lab().change(name, { type: 'ClusterIP', ports: [{ ...ports[0], port: 8081 }] });
    await serves8081(name, pods);
    await lab().fails(client(), { host: ip, port: 8081 });
    await lab().fails(client(), { host: address, port: nodePort(changed) });
    await eventually('its status says so', async () => {
      const { status }: Sent = await lab().services.get(name);
      return (status.loadBalancer?.ingress ?? []).length === 0;
    });
    await lab().remove(...pods);
  });

  const serves8081 = async (name: string, pods: readonly string[]): Promise<void> =>
    lab().reaches(client(), { host: clusterIp(await lab().services.get(name)), port: 8081 }, pods);

  test('Services: should be able to update service type to NodePort listening on same port number but different protocols', async () => {
    const name = 'both-protocols';
    await lab().ready(name, { udp: [8080] });
    await lab().service(name, { ports: [{ ...ports[0], name: 'tcp' }] });
    const both = [
      { ...ports[0], name: 'tcp' },
      { ...ports[0], name: 'udp', protocol: 'UDP' },
    ];
    let changed = await lab().change(name, { type: 'NodePort', ports: both });
    const port = nodePort(changed, 1);
    changed = await lab().change(name, { ports: both.map((one) => ({ ...one, nodePort: port })) });
    assert.deepEqual([nodePort(changed), nodePort(changed, 1)], [port, port]);
    const host = await lab().nodeAddress();
    for (const protocol of ['http', 'udp'] as const) await lab().reaches(client(), { host, port, protocol }, [name]);
    await lab().remove(name);
  });

  test('Services: should prevent NodePort collisions, check out-of-range, and release them on delete', async () => {
    const refusal = async (made: Promise<unknown>): Promise<string> => {
      try {
        await made;
      } catch (error) {
        return `${(error as ApiError).code} ${(error as ApiError).message}`;
      }
      return 'it was taken';
    };
    const first = await lab().service('port-1', { type: 'NodePort', ports });
    const wanted = { type: 'NodePort' as const, ports: [{ ...ports[0], nodePort: nodePort(first) }] };
    assert.match(await refusal(lab().service('port-2', wanted)), /^422 .*provided port is already allocated/);
    await lab().services.delete('port-1');
    assert.equal(nodePort(await lab().service('port-2', wanted)), nodePort(first));
    const outside = { type: 'NodePort' as const, ports: [{ ...ports[0], nodePort: 80 }] };
    const words = /^422 .*provided port is not in the valid range\. The range of valid ports is 30000-32767/;
    assert.match(await refusal(lab().service('port-3', outside)), words);
    assert.match(await refusal(lab().change('port-2', outside)), words);
    await lab().services.delete('port-2');
  });

  test('LoadBalancers: externalTrafficPolicy Local keeps the client’s address, and its health check port says where endpoints are', async () => {
    const name = 'external-local';
    const service = await lab().service(name, { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports });
    const health = service.spec?.healthCheckNodePort ?? 0;
    assert.ok(health > 0);
    const host = await lab().nodeAddress();
    const healthIs = (status: number, localEndpoints: number) =>
      eventually(`health is ${status}`, async () => {
        const response = await fetch(`http://${host}:${health}/healthz`);
        const told = (await response.json()) as Sent;
        return response.status === status && told.localEndpoints === localEndpoints && told.service.name === name;
      });
    await healthIs(503, 0);
    await lab().ready(name);
    await healthIs(200, 1);
    const port = nodePort(service);
    for (const from of [onHost(), client()]) await lab().reaches(from, { host, port }, [name]);
    const { answers } = await lab().dial(client(), { host, port, request: 'clientip' });
    assert.equal(answers[0]?.split(':')[0], ipOf(client()));
    await lab().change(name, { externalTrafficPolicy: 'Cluster' });
    const cluster = await lab().services.get(name);
    assert.equal(cluster.spec.healthCheckNodePort ?? 0, 0);
    await eventually('nobody says anything about health', () =>
      fetch(`http://${host}:${health}/healthz`).then(
        () => undefined,
        () => true,
      ),
    );
    await lab().reaches(onHost(), { host, port }, [name]);
    await lab().remove(name);
    await lab().services.delete(name);
    await eventually('the Service is gone', () => lab().services.isGone(name));
  });
}

/** Another port than `first`. The cluster may have given one to a Service of a test beside this one: then the next. */
async function withNodePort(first: number, change: (wanted: number) => Promise<Service>): Promise<Service> {
  for (let wanted = 31_111; ; wanted++) {
    if (wanted === first) continue;
    try {
      return await change(wanted);
    } catch (error) {
      if (wanted > 31_130 || !String(error).includes('provided port is already allocated')) throw error;
    }
  }
}
