/**
 * Compose files through the command line and the real kubectl 1.36: what `naru compose convert` prints is taken by the server as it is, and
 * pods wait for what they depend on, on simulated nodes.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, root, TestCluster } from '../harness.ts';

const votingApp = path.join(root, '../shared/manifests/compose-voting-app');
const skip = existsSync(votingApp) ? false : 'there is no folder ../shared/manifests beside the project';

/** Most of what a service can say. */
const everything = `
name: every-thing
services:
  web:
    image: example/web:1
    command: ["sh", "-c", "echo $$(HOSTNAME) $$\${HOME}"]
    entrypoint: /bin/init --
    environment: {A: "1", B: 'x$$y'}
    ports: ["8080:80", "127.0.0.1:9229:9229", "5353:53/udp", "3000"]
    expose: [7000]
    networks: {front: {aliases: [www]}, back: }
    volumes: ["data:/data", "./conf:/conf:ro", "/scratch", {type: tmpfs, target: /t, tmpfs: {size: 64m}}]
    configs: [{source: settings, target: /etc/settings.yaml, mode: 0440}]
    secrets: [password]
    healthcheck: {test: "true", interval: 5s, start_period: 10s}
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    deploy:
      replicas: 2
      resources: {limits: {cpus: "1.5", memory: 256M}, reservations: {cpus: "0.1"}}
      placement: {constraints: ["node.labels.disk == ssd"], preferences: [{spread: node.labels.zone}], max_replicas_per_node: 1}
    user: "1000:1000"
    read_only: true
    cap_add: [NET_BIND_SERVICE]
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true", "seccomp:unconfined"]
    sysctls: {net.ipv4.tcp_syncookies: 1}
    extra_hosts: ["a:10.0.0.1"]
    dns: [8.8.8.8]
    dns_opt: ["ndots:2"]
    group_add: [2000]
    hostname: web
    shm_size: 64m
    tmpfs: /run
    stop_grace_period: 1m30s
    post_start: [{command: [a]}]
    pre_stop: [{command: [b]}, {command: [c]}]
    platform: linux/amd64
    labels: {com.example.team: shop}
    init: true
    tty: true
    stdin_open: true
    ulimits: {nofile: 1024}
  db: {image: "example/db:1", networks: [back], healthcheck: {test: [CMD, ready]}}
  migrate: {image: "example/web:1", networks: [back]}
  agent: {image: "example/agent:1", deploy: {mode: global}, network_mode: host, pid: host, privileged: true}
  lonely: {image: "example/web:1", network_mode: none}
  side: {image: "example/web:1", network_mode: "service:db"}
volumes: {data: {x-naru-size: 2Gi}}
networks: {front: , back: {internal: true}}
configs: {settings: {content: "a: 1"}}
secrets: {password: {environment: PASSWORD}}
`;

describe('Compose files', { timeout: 180_000 }, () => {
  let cluster: TestCluster;
  let folder: string;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
    folder = path.join(cluster.scratch, 'compose');
    mkdirSync(folder, { recursive: true });
  });
  after(() => cluster.close());

  async function convert(
    text: string,
    ...args: string[]
  ): Promise<{ readonly manifests: string; readonly notes: string }> {
    const file = path.join(folder, 'compose.yaml');
    writeFileSync(file, text);
    const { code, stdout, stderr } = await cluster.naru('compose', 'convert', file, ...args);
    assert.equal(code, 0, stderr);
    return { manifests: stdout, notes: stderr };
  }

  async function applied(manifests: string, ...args: string[]): Promise<string[]> {
    const { code, stdout, stderr } = await cluster.kubectl(['apply', '-f', '-', ...args], { input: manifests });
    assert.equal(code, 0, stderr);
    return stdout.trim().split('\n');
  }

  test('everything that a service can say is taken by the server, without a field too many', async () => {
    writeFileSync(path.join(folder, '.env'), 'PASSWORD=secret');
    const { manifests, notes } = await convert(everything);
    const lines = await applied(manifests, '--dry-run=server', '--validate=strict');
    for (const name of ['deployment.apps/web', 'daemonset.apps/agent', 'service/www', 'secret/every-thing-password']) {
      assert.ok(
        lines.some((line) => line.startsWith(`${name} created`)),
        `${name} in ${lines.join('\n')}`,
      );
    }
    assert.match(notes, /note: services\.web\.ulimits: not carried over/);
    const json = await convert(everything, '-o', 'json');
    assert.deepEqual(await applied(json.manifests, '--dry-run=server', '--validate=strict'), lines);
  });

  test('what is wrong is one sentence and an exit code', async () => {
    const file = path.join(folder, 'wrong.yaml');
    writeFileSync(file, 'services:\n  web: {imag: x}\n');
    const { code, stdout, stderr } = await cluster.naru('compose', 'convert', file);
    assert.deepEqual(
      [code, stdout, stderr],
      [1, '', 'naru: wrong.yaml: services.web.imag is no key of a Compose file; did you mean image?\n'],
    );
  });

  test('the published voting application is taken as it is', { skip }, async () => {
    for (const file of ['docker-compose.images.yml', 'docker-stack.yml']) {
      const { code, stdout, stderr } = await cluster.naru('compose', 'convert', path.join(votingApp, file));
      assert.equal(code, 0, stderr);
      assert.ok((await applied(stdout, '--dry-run=server', '--validate=strict')).length >= 12);
    }
  });

  test('pods start when what they depend on is healthy or complete, and say what they wait for', async () => {
    const service = 'image: example/web:1, networks: [n]';
    const { manifests } = await convert(`
name: chain
services:
  web: {${service}, depends_on: {db: {condition: service_healthy}, setup: {condition: service_completed_successfully}}}
  db: {${service}, healthcheck: {test: "true"}}
  setup: {${service}, depends_on: [db]}
networks: {n: }
`);
    const split = manifests.split('---\n');
    const isWeb = (part: string): boolean => /kind: Deployment/.test(part) && /^ {2}name: web$/m.test(part);
    await applied(split.filter(isWeb).join('---\n'));
    const message = await eventually('the event that says what the pod waits for', async () => {
      const text = await cluster.mustKubectl(
        'get',
        'events',
        '--field-selector=reason=WaitingForDependencies',
        '-o',
        'jsonpath={.items[*].message}',
      );
      return text === '' ? undefined : text;
    });
    assert.match(message, /Waits for db, which is not there; setup-\w+, which is not there/);
    await applied(manifests);
    await cluster.mustKubectl('rollout', 'status', 'deployment/db', '--timeout=60s');
    const job = (await cluster.mustKubectl('get', 'jobs', '-o', 'name')).trim();
    // The simulated Job's pod runs on; ending it is the test's.
    const pod = await eventually("the Job's pod on a node", async () => {
      const name = await cluster.mustKubectl(
        'get',
        'pods',
        '-l',
        'app.kubernetes.io/name=setup',
        '-o',
        'jsonpath={.items[?(@.status.phase!="Pending")].metadata.name}',
      );
      return name === '' ? undefined : name;
    });
    assert.match(
      await cluster.mustKubectl('get', 'pods', '-l', 'app.kubernetes.io/name=web', '-o', 'wide'),
      /SchedulingGated|Running/,
    );
    await cluster.kubectl([
      'patch',
      'pod',
      pod,
      '--subresource',
      'status',
      '--type',
      'merge',
      '-p',
      '{"status":{"phase":"Succeeded"}}',
    ]);
    await cluster.mustKubectl('wait', '--for=condition=Complete', job, '--timeout=60s');
    await cluster.mustKubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
    const endpoints = await cluster.mustKubectl(
      'get',
      'endpointslices',
      '-l',
      'kubernetes.io/service-name=db',
      '-o',
      'jsonpath={.items[*].endpoints[*].addresses[0]}',
    );
    assert.notEqual(endpoints, '', 'a name without ports leads to the pods');
  });
});
