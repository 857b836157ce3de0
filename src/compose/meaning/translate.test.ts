/** Whole projects as objects: workloads, Services, policies, claims, dependencies, images. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { DaemonSet, Deployment } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { ConfigMap, PersistentVolumeClaim, Secret } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import { applicationOf, translated, translatedFile } from '../testing.ts';

describe('workloads', () => {
  test('what deploy says', async () => {
    const seen = await translated(`
deploy:
  replicas: 4
  update_config: {parallelism: 2, order: start-first, delay: 10s}
  resources:
    limits: {cpus: "0.50", memory: 50M}
    reservations: {cpus: "0.25", memory: 20M, devices: [{capabilities: [gpu], driver: nvidia, count: 2}]}
  placement:
    constraints: [node.labels.disktype==ssd, "node.role != manager", node.platform.arch == x86_64, node.hostname!=a]
    preferences: [{spread: node.labels.zone}]
    max_replicas_per_node: 1`);
    const { spec } = seen.object<Deployment>('Deployment', 'web');
    assert.equal(spec?.replicas, 4);
    assert.equal(spec?.minReadySeconds, 10);
    assert.deepEqual(spec?.strategy, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } });
    assert.deepEqual(seen.container().resources, {
      limits: { cpu: '500m', memory: '50Mi', 'nvidia.com/gpu': '2' },
      requests: { cpu: '250m', memory: '20Mi' },
    });
    const { affinity, topologySpreadConstraints } = seen.pod();
    assert.deepEqual(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms, [
      {
        matchExpressions: [
          { key: 'disktype', operator: 'In', values: ['ssd'] },
          { key: 'node-role.kubernetes.io/control-plane', operator: 'DoesNotExist' },
          { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] },
          { key: 'kubernetes.io/hostname', operator: 'NotIn', values: ['a'] },
        ],
      },
    ]);
    assert.equal(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length, 1);
    assert.equal(topologySpreadConstraints?.[0]?.topologyKey, 'zone');
    assert.deepEqual(seen.notes, []);
  });

  test('global is a DaemonSet', async () => {
    const seen = await translated('deploy: {mode: global, update_config: {parallelism: 0}}');
    const { spec } = seen.object<DaemonSet>('DaemonSet', 'web');
    assert.deepEqual(spec?.updateStrategy?.rollingUpdate, { maxSurge: 0, maxUnavailable: '100%' });
  });

  test('a Deployment with a claim is replaced, and says so where it cannot do what was asked', async () => {
    const seen = await translated(
      'volumes: ["data:/data"]\ndeploy: {replicas: 2, update_config: {order: start-first}}',
      'volumes: {data: }',
    );
    assert.deepEqual(seen.object<Deployment>('Deployment', 'web').spec?.strategy, { type: 'Recreate' });
    assert.deepEqual(
      seen.notes.map((note) => note.split(': ')[0]),
      ['services.web.deploy.update_config.order', 'services.web.volumes'],
    );
  });

  test('scale and replicas that differ are refused', async () => {
    await assert.rejects(
      translated('scale: 2\ndeploy: {replicas: 3}'),
      /scale \(2\) and deploy\.replicas \(3\) differ/,
    );
  });

  const migrate = (command: string): string => `
services:
  web: {image: x, depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: x, command: ${command}}
`;

  test('who others wait for to complete is a Job; another command is another Job, and the same one the same', async () => {
    const nameOf = async (command: string): Promise<string> => {
      const seen = await translatedFile(migrate(command));
      const job = seen.objects.map(({ object }) => object as Job).find(({ kind }) => kind === 'Job');
      assert.equal(job?.spec?.backoffLimit, 0);
      assert.equal(job?.spec?.template.spec?.restartPolicy, 'Never');
      const waits = seen.template('web').metadata?.annotations?.['naru.io/depends-on'];
      assert.deepEqual(JSON.parse(waits ?? ''), [
        { service: job?.metadata?.name, condition: 'service_completed_successfully' },
      ]);
      assert.deepEqual(
        seen.kinds.filter((kind) => kind.startsWith('Service/')),
        ['Service/web'],
      );
      return job?.metadata?.name ?? '';
    };
    assert.equal(await nameOf('up'), await nameOf('up'));
    assert.notEqual(await nameOf('up'), await nameOf('down'));
  });

  const restarts: readonly (readonly [string, string, number | undefined])[] = [
    ['restart: "no"', 'Job', 0],
    ['restart: no', 'Job', 0],
    ['deploy: {restart_policy: {condition: none}}', 'Job', 0],
    ['deploy: {mode: replicated-job, replicas: 3}\nrestart: "on-failure:2"', 'Job', 2],
    ['restart: "no"\nports: ["80:80"]', 'Deployment', undefined],
    ['restart: always', 'Deployment', undefined],
    ['restart: unless-stopped', 'Deployment', undefined],
    ['restart: on-failure', 'Deployment', undefined],
  ];
  for (const [body, kind, backoffLimit] of restarts) {
    test(`${body.replace('\n', ', ')} is a ${kind}`, async () => {
      const seen = await translated(body);
      const workload = seen.objects.map(({ object }) => object as Job).find((object) => object.kind === kind);
      assert.equal(workload?.spec?.backoffLimit, backoffLimit);
      assert.ok(workload);
    });
  }
});

describe('Services', () => {
  test('a name leads to the pods at any port, a published port to the nodes', async () => {
    const seen = await translated('ports: ["8080:80", "5000:5000/udp", "3000", "9000-9001:90-91"]\nexpose: [7000]');
    assert.equal(seen.service().spec?.clusterIP, 'None');
    assert.deepEqual(
      seen.service().spec?.ports?.map(({ port }) => port),
      [80, 5000, 3000, 90, 91, 7000],
    );
    const published = seen.service('web-published').spec;
    assert.equal(published?.type, 'LoadBalancer');
    assert.deepEqual(
      published?.ports?.map(({ port, targetPort, protocol }) => `${port}:${targetPort}/${protocol}`),
      ['8080:80/TCP', '5000:5000/UDP', '9000:90/TCP', '9001:91/TCP'],
    );
    assert.equal(seen.service('web-any-port').spec?.type, 'NodePort');
  });

  test('without ports the name leads to the pods all the same', async () => {
    const seen = await translated('');
    assert.deepEqual(seen.service().spec, {
      clusterIP: 'None',
      selector: { 'app.kubernetes.io/name': 'web', 'app.kubernetes.io/part-of': 'shop' },
    });
  });

  test('endpoint_mode vip is an address of its own', async () => {
    const seen = await translated('expose: [80]\ndeploy: {endpoint_mode: vip}');
    assert.equal(seen.service().spec?.clusterIP, undefined);
    const without = await translated('deploy: {endpoint_mode: vip}');
    assert.equal(without.service().spec?.clusterIP, 'None');
    assert.match(without.notes[0] ?? '', /endpoint_mode: vip needs ports or expose/);
  });

  test('two services of one alias are found under it; a port that two publish is told', async () => {
    const seen = await translatedFile(`
services:
  a: {image: x, networks: {n: {aliases: [both]}}, ports: ["80:1"]}
  b: {image: x, networks: {n: {aliases: [both, a]}}, ports: ["80:2"]}
networks: {n: }
`);
    assert.deepEqual(seen.service('both').spec?.selector, {
      'alias.naru.io/both': 'true',
      'app.kubernetes.io/part-of': 'shop',
    });
    assert.equal(seen.template('a').metadata?.labels?.['alias.naru.io/both'], 'true');
    assert.deepEqual(seen.notes, [
      'services.b: the alias a is the name of a service: it leads to that one only',
      'services.b.ports: 80/tcp is published by a, too: only one of them gets it',
    ]);
  });

  test('names that are no DNS labels change, and are told; two that become one are refused', async () => {
    const seen = await translatedFile('services:\n  my_db: {image: x}\n  Web: {image: x, depends_on: [my_db]}');
    assert.ok(seen.kinds.includes('Deployment/my-db') && seen.kinds.includes('Service/web'));
    assert.equal(
      seen.notes[0],
      'services.my_db: my_db is no DNS label: the service is called my-db, and others reach it so',
    );
    assert.equal(
      seen.template('web').metadata?.annotations?.['naru.io/depends-on'],
      '[{"service":"my-db","condition":"service_started"}]',
    );
    await assert.rejects(
      translatedFile('services:\n  a_b: {image: x}\n  a-b: {image: x}'),
      /a_b and a-b would both be called a-b/,
    );
  });
});

describe('networks', () => {
  const policiesOf = async (text: string): Promise<Record<string, NetworkPolicy['spec']>> => {
    const { objects } = await translatedFile(text);
    const found = objects.map(({ object }) => object as NetworkPolicy).filter(({ kind }) => kind === 'NetworkPolicy');
    return Object.fromEntries(found.map(({ metadata, spec }) => [metadata?.name ?? '', spec]));
  };

  test('where all share one, there is nothing to keep apart', async () => {
    assert.deepEqual(await policiesOf('services:\n  a: {image: x}\n  b: {image: x}'), {});
    assert.deepEqual(
      await policiesOf(
        'services:\n  a: {image: x, networks: [n, m]}\n  b: {image: x, networks: [n]}\nnetworks: {n: , m: }',
      ),
      {},
    );
  });

  test('services that share none do not reach each other; published ports stay open', async () => {
    const text =
      'services:\n  a: {image: x, networks: [n], ports: ["8080:80"]}\n  b: {image: x, networks: [n, m]}\n  c: {image: x, networks: [m]}\nnetworks: {n: , m: }';
    const policies = await policiesOf(text);
    assert.deepEqual(Object.keys(policies), ['shop-n', 'shop-m', 'shop-a-published']);
    const members = { matchLabels: { 'network.naru.io/n': 'shop' } };
    assert.deepEqual(policies['shop-n'], {
      podSelector: members,
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: members }] }],
    });
    assert.deepEqual(policies['shop-a-published']?.ingress, [{ ports: [{ port: 80, protocol: 'TCP' }] }]);
    const seen = await translatedFile(text);
    assert.equal(seen.template('b').metadata?.labels?.['network.naru.io/m'], 'shop');
  });

  test('an internal network has no way out but to names, and publishes nothing', async () => {
    const text = 'services:\n  a: {image: x, networks: [n], ports: ["80:80"]}\nnetworks: {n: {internal: true}}';
    const policies = await policiesOf(text);
    assert.deepEqual(policies['shop-a-internal']?.egress?.[1], {
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ],
    });
    const seen = await translatedFile(text);
    assert.ok(!seen.kinds.includes('Service/a-published'));
    assert.match(seen.notes.join('\n'), /services\.a\.ports: Compose publishes no ports/);
  });

  test('no network is a policy that lets nothing in or out', async () => {
    const policies = await policiesOf('services:\n  a: {image: x, network_mode: none}\n  b: {image: x}');
    assert.deepEqual(policies['shop-a-none']?.policyTypes, ['Ingress', 'Egress']);
  });

  test("the network of another service is that service's pod", async () => {
    const seen = await translatedFile(`
services:
  vpn: {image: vpn, cap_add: [NET_ADMIN], ports: ["8080:80"]}
  web: {image: web, network_mode: "service:vpn", depends_on: [vpn, db], volumes: ["d:/d"]}
  db: {image: db, volumes: ["d:/e"]}
volumes: {d: }
`);
    assert.deepEqual(
      seen.pod('vpn').containers.map(({ name }) => name),
      ['vpn', 'web'],
    );
    assert.deepEqual(
      seen.kinds.filter((kind) => kind.startsWith('Deployment')),
      ['Deployment/db', 'Deployment/vpn'],
    );
    assert.equal(
      seen.template('vpn').metadata?.annotations?.['naru.io/depends-on'],
      '[{"service":"db","condition":"service_started"}]',
    );
    assert.ok(!seen.kinds.includes('Service/web'));
  });
});

describe('volumes, configs and secrets', () => {
  test('claims with their size; external ones are not made', async () => {
    const seen = await translated(
      'volumes: ["a:/a", "b:/b", "c:/c", "d:/d", "e:/e"]',
      `volumes:
  a: {x-naru-size: 10Gi}
  b: {labels: {naru.io/size: 5Gi, team: x}, name: exact_name}
  c: {external: true, name: there}
  d: {driver_opts: {type: none, o: bind, device: /srv/d}}
  e: {driver: nfs, driver_opts: {share: x}}
  unused: {}
`,
    );
    const claim = (name: string) => seen.object<PersistentVolumeClaim>('PersistentVolumeClaim', name);
    assert.equal(claim('shop-a').spec?.resources?.requests?.['storage'], '10Gi');
    assert.equal(claim('exact-name').spec?.resources?.requests?.['storage'], '5Gi');
    assert.deepEqual(claim('exact-name').metadata?.annotations, { team: 'x' });
    assert.deepEqual(
      seen.kinds.filter((kind) => kind.startsWith('PersistentVolumeClaim')),
      ['PersistentVolumeClaim/shop-a', 'PersistentVolumeClaim/exact-name', 'PersistentVolumeClaim/shop-e'],
    );
    assert.deepEqual(seen.pod().volumes?.find(({ hostPath }) => hostPath)?.hostPath, {
      path: '/srv/d',
      type: 'DirectoryOrCreate',
    });
    assert.deepEqual(seen.notes, [
      'volumes.d: /srv/d is a path of this machine: a pod on another node finds what that one has there',
      'volumes.c: it is external: the claim there must be there',
      'volumes.e: nfs, share=x is not carried over: the claim takes the default StorageClass',
    ]);
    await assert.rejects(
      translated('volumes: ["a:/a"]', 'volumes: {a: {x-naru-size: big}}'),
      /the size "big" must be like 10Gi/,
    );
  });

  test('contents from files, variables and the file itself', async () => {
    const seen = await translatedFile(
      `
services:
  web: {image: x, configs: [text, bytes], secrets: [env, ext]}
configs:
  text: {content: "hello $WHO"}
  bytes: {file: ./b}
secrets:
  env: {environment: WHO}
  ext: {external: true}
  unused: {file: ./missing}
`,
      { b: Buffer.from([0xff, 0xfe]) },
      { environment: { WHO: 'me' } },
    );
    assert.deepEqual(seen.object<ConfigMap>('ConfigMap', 'shop-text').data, { text: 'hello me' });
    assert.deepEqual(seen.object<ConfigMap>('ConfigMap', 'shop-bytes').binaryData, { bytes: '//4=' });
    assert.deepEqual(seen.object<Secret>('Secret', 'shop-env').data, { env: 'bWU=' });
    assert.deepEqual(seen.notes, ['secrets.ext: it is external: the Secret ext must be there, with a key ext']);
  });
});

describe('images', () => {
  const text =
    'services:\n  web: {build: {context: app, target: prod, args: {A: 1, B: }}}\n  api: {build: app, image: my/api:2}';
  const files = {
    'compose.yaml': text,
    'app/Dockerfile': 'FROM x',
    'app/main.js': '1',
    'app/.dockerignore': '*.log\n!keep.log',
  };
  const nameOf = async (more: Record<string, string>): Promise<string> =>
    (await applicationOf({ ...files, ...more }, { environment: { B: '2' } })).images[0]?.name ?? '';

  test('recipes with their context, stage and arguments', async () => {
    const { images } = await applicationOf(files, { environment: { B: '2' } });
    assert.match(images[0]?.name ?? '', /^shop\/web:build-[0-9a-f]{12}$/);
    assert.deepEqual(images[0], {
      name: images[0]?.name,
      context: '/shop/app',
      target: 'prod',
      arguments: { A: '1', B: '2' },
    });
    assert.deepEqual(images[1], { name: 'my/api:2', context: '/shop/app' });
  });

  test('the name changes with the sources, and not with what is ignored', async () => {
    const name = await nameOf({});
    assert.equal(await nameOf({}), name);
    assert.notEqual(await nameOf({ 'app/main.js': '2' }), name);
    assert.equal(await nameOf({ 'app/x.log': '2', 'app/node_modules/y.js': '1' }), name);
    assert.notEqual(await nameOf({ 'app/keep.log': '2' }), name);
  });

  test('what cannot be built is told or refused', async () => {
    await assert.rejects(translated('build: https://github.com/a/b.git'), /is not fetched; clone it, or name an image/);
    await assert.rejects(translated('build: ./none'), /context: \/shop\/none is no folder/);
    const inline = await translated('build: {context: ., dockerfile_inline: FROM x}', '', { a: '1' });
    assert.deepEqual(inline.images, []);
    assert.match(inline.notes[0] ?? '', /services\.web\.build\.dockerfile_inline: not carried over/);
  });
});

const votingApp = path.resolve(import.meta.dirname, '../../../../shared/manifests/compose-voting-app');

test('the voting application, as published', {
  skip: existsSync(votingApp) ? false : 'the published files are not here',
}, async () => {
  const read = (name: string): string => readFileSync(path.join(votingApp, name), 'utf8');
  const images = await applicationOf({ 'compose.yaml': read('docker-compose.images.yml') });
  assert.equal(images.objects.filter(({ object }) => object.kind === 'Deployment').length, 5);
  assert.deepEqual(images.notes.length, 2);
  const stack = await applicationOf({ 'compose.yaml': read('docker-stack.yml') });
  assert.equal(stack.objects.filter(({ object }) => object.kind === 'NetworkPolicy').length, 4);
  assert.deepEqual(stack.notes, []);
  const folders = Object.fromEntries(
    ['vote', 'result', 'worker', 'seed-data'].map((name) => [`${name}/Dockerfile`, 'FROM x']),
  );
  const source = await applicationOf(
    { 'compose.yaml': read('docker-compose.yml'), ...folders },
    { profiles: ['seed'] },
  );
  assert.equal(source.images.length, 4);
  assert.equal(source.objects.filter(({ object }) => object.kind === 'Job').length, 1);
});
