/** Upstream's `dns.go`: names of Services and pods, as the resolvers of glibc and musl, and a DNS client, see them from pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { eventually } from '../../harness.ts';
import { clusterIp, type GetLab, ipOf, resolvers } from './lab.ts';

const zone = 'default.svc.cluster.local';
const waitMs = 60_000;

export function nameTests(lab: GetLab, client: () => Pod): void {
  /** Addresses as a program gets them; sorted, none where there is no such name. */
  const addresses = async (from: Pod, library: keyof typeof resolvers, name: string): Promise<readonly string[]> => {
    const [program, ...args] = library === 'glibc' ? [resolvers.glibc, 'ahostsv4', name] : [resolvers.musl, name];
    const { stdout } = await lab().run(from, program ?? '', ...args);
    const found = stdout.split('\n').flatMap((line) => /^\d+\.\d+\.\d+\.\d+/.exec(line)?.[0] ?? []);
    return [...new Set(found)].toSorted();
  };

  const resolves = async (
    from: Pod,
    name: string,
    expected: readonly string[],
    libraries: readonly (keyof typeof resolvers)[] = ['glibc', 'musl'],
  ): Promise<void> => {
    for (const library of libraries) {
      let last: readonly string[] = [];
      const looks = eventually(
        'addresses',
        async () => {
          last = await addresses(from, library, name);
          return last.join() === expected.toSorted().join();
        },
        waitMs,
      );
      await looks.catch(() => assert.fail(`${library}: ${name} is ${last.join()}, not ${expected.join()}`));
    }
  };

  /** What the DNS client says of one type. */
  const lookup = (type: string, name: string, words: RegExp): Promise<unknown> =>
    eventually(
      `${type} of ${name}: ${words.source}`,
      async () => {
        const { stdout } = await lab().run(client(), 'busybox', 'nslookup', `-type=${type}`, name);
        return words.test(stdout);
      },
      waitMs,
    );

  test('DNS: should provide DNS for the cluster, and resolve partial qualified names', async () => {
    const { spec } = await lab().services.get('kubernetes');
    const names = ['', '.svc', '.svc.cluster.local', '.svc.cluster.local.'].map((end) => `kubernetes.default${end}`);
    for (const name of ['kubernetes', ...names]) await resolves(client(), name, [spec.clusterIP]);
    await resolves(client(), 'kubernetes.nowhere', []);
  });

  test('DNS: should provide DNS for services', async () => {
    const pods = await lab().servers('dns-services', 2);
    const selector = { app: 'dns-services' };
    const regular = await lab().service('dns-regular', { selector });
    await lab().service('dns-headless', { selector, clusterIP: 'None' });
    for (const suffix of ['', '.default', '.default.svc', `.${zone}`]) {
      await resolves(client(), `dns-regular${suffix}`, [clusterIp(regular)]);
      await resolves(client(), `dns-headless${suffix}`, pods.map(ipOf));
    }
    await lookup('srv', `_http._tcp.dns-regular.${zone}`, new RegExp(`service = \\d+ \\d+ 80 dns-regular\\.${zone}`));
    await lookup(
      'srv',
      `_http._tcp.dns-headless.${zone}`,
      new RegExp(`service = \\d+ \\d+ 8080 [^ ]+\\.dns-headless\\.${zone}`),
    );
    const reversed = clusterIp(regular).split('.').toReversed().join('.');
    await lookup('ptr', `${reversed}.in-addr.arpa`, new RegExp(`name = dns-regular\\.${zone}`));
    await lab().remove('dns-services-0');
    await resolves(client(), 'dns-headless', [ipOf(pods[1] as Pod)]);
    await lab().services.delete('dns-regular');
    await resolves(client(), 'dns-regular', []);
    await lab().remove('dns-services-1');
  });

  test('DNS: should provide DNS for pods for Hostname and Subdomain, and /etc/hosts entries', async () => {
    const subdomain = 'dns-subdomain';
    await lab().service(subdomain, { clusterIP: 'None', selector: { app: 'dns-named' } });
    const pod = await lab().ready('dns-named', { hostname: 'dns-querier-2', subdomain });
    for (const name of [`dns-querier-2.${subdomain}.${zone}`, `dns-querier-2.${subdomain}`, subdomain])
      await resolves(client(), name, [ipOf(pod)]);
    const hosts = (await lab().run(pod, 'busybox', 'cat', '/etc/hosts')).stdout;
    assert.match(hosts, new RegExp(`^${ipOf(pod)}\tdns-querier-2\\.${subdomain}\\.${zone}\tdns-querier-2$`, 'm'));
    for (const name of ['dns-querier-2', `dns-querier-2.${subdomain}.${zone}`]) await resolves(pod, name, [ipOf(pod)]);
    assert.equal(
      (await lab().run(pod, 'busybox', 'hostname', '-f')).stdout.trim(),
      `dns-querier-2.${subdomain}.${zone}`,
    );
    const dashed = ipOf(pod).replaceAll('.', '-');
    await resolves(client(), `${dashed}.default.pod.cluster.local`, [ipOf(pod)]);
    await lab().remove('dns-named');
  });

  test('DNS: should provide DNS for ExternalName services', async () => {
    const name = 'dns-external';
    await lab().services.create({
      metadata: { name },
      spec: { type: 'ExternalName', externalName: 'foo.example.com' },
    });
    const full = `${name}.${zone}`;
    await lookup('cname', full, /canonical name = foo\.example\.com/);
    await lab().change(name, { externalName: 'bar.example.com' });
    await lookup('cname', full, /canonical name = bar\.example\.com/);
    const ports = [{ port: 80, name: 'http', protocol: 'TCP' }];
    const changed = await lab()
      .change(name, { type: 'ClusterIP', clusterIP: '127.1.2.3', externalName: null, ports })
      .catch(
        // An address outside of the range is refused, as upstream's does where its range lies elsewhere.
        () => lab().change(name, { type: 'ClusterIP', externalName: null, ports }),
      );
    await resolves(client(), full, [clusterIp(changed)]);
    await lab().services.delete(name);
  });

  test('DNS: should support configurable pod DNS nameservers and resolv.conf', async () => {
    const resolv = async (pod: Pod): Promise<string> =>
      (await lab().run(pod, 'busybox', 'cat', '/etc/resolv.conf')).stdout;
    const none = await lab().ready('dns-none', {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['1.1.1.1'], searches: ['resolv.conf.local'] },
    });
    assert.equal(await resolv(none), 'search resolv.conf.local\nnameserver 1.1.1.1\n');
    const { spec } = await lab().resource('v1', 'Service', 'kube-system').get('kube-dns');
    const searches = [
      'default',
      'svc.cluster.local',
      'a.b_c.example',
      'fourth.example',
      'fifth.example',
      'sixth.example',
      `${'long.'.repeat(45)}example`,
    ];
    const many = await lab().ready('dns-many', {
      dnsConfig: { searches: [...searches, '.'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] },
    });
    const text = await resolv(many);
    assert.match(text, new RegExp(`^nameserver ${spec.clusterIP}$`, 'm'));
    assert.match(text, /^options (?=.*ndots:2)(?=.*edns0)/m);
    assert.ok(
      text.includes(
        `search ${zone} svc.cluster.local cluster.local ${searches.filter((one) => one !== 'svc.cluster.local').join(' ')}`,
      ),
      text,
    );
    // musl takes no search path of this length.
    await resolves(many, 'kubernetes.default', [clusterIp(await lab().services.get('kubernetes'))], ['glibc']);
    const host = await lab().ready('dns-first-with-host', {
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      http: [31_982],
    });
    assert.match(await resolv(host), new RegExp(`^nameserver ${spec.clusterIP}$`, 'm'));
    await resolves(host, 'kubernetes.default', [clusterIp(await lab().services.get('kubernetes'))]);
    await lab().remove('dns-none', 'dns-many', 'dns-first-with-host');
  });
}
