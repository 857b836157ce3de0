/**
 * The commands that look, against a simulated cluster, beside kubectl: the same objects in the same words. Ages are made equal, since they grow between
 * the two.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, eventually, root, run, TestCluster } from '../harness.ts';

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web, tier: front } }
    spec:
      containers:
      - { name: web, image: "nginx:1", resources: { requests: { cpu: 100m, memory: 64Mi } } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: alt, port: 81 }] }
---
apiVersion: v1
kind: Secret
metadata: { name: login }
stringData: { password: hunter2 }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, labels: { app: web } }
data: { mode: "fast", text: "one\\ntwo <&>" }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.example.com }
spec:
  group: example.com
  names: { kind: Boat, plural: boats, singular: boat, shortNames: [bt], categories: [fleet] }
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
    additionalPrinterColumns:
    - { name: Crew, type: integer, jsonPath: .spec.crew }
    - { name: Hull, type: string, jsonPath: .spec.hull, priority: 1 }
`;

const boats = `
apiVersion: example.com/v1
kind: Boat
metadata: { name: nabi }
spec: { crew: 3, hull: "oak" }
---
apiVersion: example.com/v1
kind: Boat
metadata: { name: baram }
spec: { crew: 12, hull: "pine" }
`;

/** Each comparison is two processes. */
const sideBySide = Math.max(2, os.availableParallelism());

/** Ages are those of two moments. */
const withoutAges = (text: string): string => text.replace(/ +(?:\d+[smhd])+(?: +|$)/gm, ' AGE ');

describe('the commands that look', { timeout: 400_000 }, () => {
  let cluster: TestCluster;
  const naru = (...args: string[]): Promise<CommandResult> => cluster.naru(...args);

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
    const files = { manifest, boats };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(path.join(cluster.scratch, `${name}.yaml`), text);
      await cluster.mustKubectl('apply', '-f', path.join(cluster.scratch, `${name}.yaml`));
      if (name === 'manifest')
        await cluster.mustKubectl('wait', '--for=condition=established', 'crd/boats.example.com');
    }
    await cluster.mustKubectl('rollout', 'status', 'deploy/web');
    await cluster.mustKubectl('create', 'namespace', 'other');
    await cluster.mustKubectl('-n', 'other', 'create', 'configmap', 'far', '--from-literal=a=b');
  });

  after(() => TestCluster.closeAll());

  const same: readonly string[] = [
    'get pods',
    'get pods -o wide',
    'get po -A',
    'get pods,svc',
    'get deploy/web svc/web',
    'get deploy web',
    'get deployments.apps',
    'get deployments.v1.apps',
    'get all',
    'get boats',
    'get bt -o wide',
    'get fleet',
    'get nodes',
    'get ns',
    'get cm -A',
    'get cm -A --field-selector metadata.namespace=other',
    'get pods -l tier=front',
    'get pods -l tier!=front',
    'get pods --show-labels',
    'get pods -L app,tier',
    'get pods --no-headers',
    'get pods --show-kind',
    'get pods -o name',
    'get pods,svc -o name',
    'get secret login',
    'get crd',
    'get boats --sort-by=.spec.crew',
    'get boats --sort-by={.metadata.name} -o name',
    'get boats -o custom-columns=NAME:.metadata.name,CREW:.spec.crew,NONE:.spec.none',
    'get svc web -o jsonpath={.spec.ports[*].port}',
    'get svc web -o jsonpath={range .spec.ports[*]}{.name}={.port}{"\\n"}{end}',
    'get nodes -o jsonpath={.items[*].metadata.name}',
    'get svc web -o jsonpath={.spec.ports[?(@.name=="alt")].port}',
    'get svc web -o jsonpath={.metadata.labels}',
    'get svc web -o jsonpath={..port}',
    'get svc web -o jsonpath={.spec.ports}',
    'get secret login -o jsonpath={.data.password}',
    'get cm settings -o yaml',
    'get cm settings login -o name --ignore-not-found',
    'get pods nix --ignore-not-found',
    'get jobs',
    'get jobs -A',
    'get pv',
    'get svc web --subresource=status',
    'get --raw /version',
    'api-resources --api-group=apps',
    'api-resources --namespaced=false -o name --api-group=storage.k8s.io',
    'api-resources --api-group= --no-headers',
    'api-versions',
  ];
  // Nothing of these changes the cluster: they run side by side.
  describe('beside kubectl', { concurrency: sideBySide }, () => {
    for (const line of same) {
      test(`naru ${line} says what kubectl says`, async () => {
        // Spaces stand in templates, too.
        const args = line.split(/ (?![^{]*\})/);
        const [ours, theirs] = await Promise.all([naru(...args), cluster.kubectl(args)]);
        assert.equal(withoutAges(ours.stdout), withoutAges(theirs.stdout));
        assert.equal(ours.stderr, theirs.stderr);
        assert.equal(ours.code, theirs.code);
      });
    }

    for (const line of [
      'get deploy web -o json',
      'get pods -o json',
      'get pods,svc -o json',
      'get jobs -o json',
      'get deploy web -o json --show-managed-fields',
    ]) {
      test(`naru ${line} gives the same object`, async () => {
        const args = line.split(' ');
        const [ours, theirs] = await Promise.all([cluster.mustNaru(...args), cluster.mustKubectl(...args)]);
        assert.deepEqual(JSON.parse(ours), JSON.parse(theirs));
      });
    }
  });

  const failing: readonly (readonly [line: string, code: number, message: RegExp])[] = [
    ['get pods nix', 1, /^naru: pods "nix" not found\n$/],
    ['get pods nix web', 1, /^naru: pods "nix" not found\nnaru: pods "web" not found\n$/],
    ['get podz', 1, /no resource "podz"; there are .*pods.*naru api-resources/],
    ['get', 2, /say what to get/],
    ['get pods -o nix', 2, /no output format "nix"; there are wide, json/],
    ['get pods web -l a=b', 2, /names and a selector/],
    ['get pods web -A', 2, /across all namespaces/],
    ['get pods -l a=', 0, /^No resources found in default namespace\.\n$/],
    ['get pods -l =', 1, /identifier/],
    ['get pods,svc -w', 2, /one type, or one object/],
    ['get pods -o jsonpath={.a', 2, /JSONPath/],
    ['describe pod/nix', 1, /^naru: pods "nix" not found\n$/],
    ['describe', 2, /say what to describe/],
    ['events --types=odd', 2, /Normal and Warning/],
    ['top nodes nix', 1, /there is no node "nix"/],
    ['top pods --sort-by=age', 2, /cpu and memory/],
    ['completion csh', 2, /bash, zsh, fish/],
  ];
  describe('used wrongly', { concurrency: sideBySide }, () => {
    for (const [line, code, message] of failing) {
      test(`naru ${line} is answered with a sentence and exit code ${code}`, async () => {
        const result = await naru(...line.split(' '));
        assert.match(result.stderr, message);
        assert.equal(result.code, code);
      });
    }
  });

  test('a long list comes in pages, in one table', async () => {
    const [paged, whole] = await Promise.all([
      cluster.mustNaru('get', 'clusterroles', '--chunk-size=7'),
      cluster.mustNaru('get', 'clusterroles'),
    ]);
    assert.equal(withoutAges(paged), withoutAges(whole));
    assert.ok(whole.split('\n').length > 20);
  });

  test('get -f finds what a manifest names', async () => {
    const text = await cluster.mustNaru('get', '-f', path.join(cluster.scratch, 'boats.yaml'));
    assert.match(text, /^NAME +CREW\nnabi +3\nbaram +12\n$/);
  });

  test('get -w goes on with what changes, in the same columns, and ends when nobody reads', async () => {
    const child = spawn(path.join(root, 'naru'), ['get', 'cm', '-l', 'app=watched', '-w', '--output-watch-events'], {
      env: { ...process.env, NARU_HOME: cluster.home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    // The list may be before or after it: either way it is told once.
    await cluster.mustKubectl('create', 'configmap', 'seen', '--from-literal=a=b');
    await cluster.mustKubectl('label', 'configmap', 'seen', 'app=watched');
    await eventually('the new one', () => /^ADDED +seen +1 /m.test(text));
    await cluster.mustKubectl('patch', 'configmap', 'seen', '-p', '{"data":{"c":"d"}}');
    await eventually('its change', () => /^MODIFIED +seen +2 /m.test(text));
    child.stdout.destroy();
    await cluster.mustKubectl('delete', 'configmap', 'seen');
    await ended;
    assert.match(text, /^EVENT +NAME +DATA +AGE\n/);
  });

  test('describe tells of the parts, and never what is in a Secret', async () => {
    const [pod] = (await cluster.mustNaru('get', 'pods', '-o', 'name')).split('\n');
    assert.match(
      await cluster.mustNaru('describe', pod ?? ''),
      /Image: +nginx:1\n[^]*Requests: +cpu 100m, memory 64Mi\n[^]*Normal +Scheduled/,
    );
    const service = await cluster.mustNaru('describe', 'svc/web');
    assert.match(service, /http 80\/TCP:\n +Target Port: +8080\n +Endpoints: +10\.\d+\.\d+\.\d+:8080, 10\./);
    assert.match(
      await cluster.mustNaru('describe', 'deploy', 'web'),
      /New ReplicaSet: +web-\w+ \(2\/2 replicas created\)/,
    );
    const nodes = await cluster.mustNaru('describe', 'nodes');
    assert.match(nodes, /web-\w+-\w+ +100m \(\d+%\)/);
    assert.match(await cluster.mustNaru('describe', 'boat/nabi'), /Spec:\n +Crew: +3\n +Hull: +oak\n/);
    const secret = await cluster.mustNaru('describe', 'secret/login');
    assert.match(secret, /password: +7 bytes/);
    assert.doesNotMatch(secret, /hunter2|aHVudGVyMg/);
  });

  test('every kind that has objects here can be described', async () => {
    const types = (await cluster.mustNaru('api-resources', '--verbs=list', '-o', 'name')).trim().split('\n');
    const result = await naru('describe', types.join(), '-A', '--no-events');
    assert.equal(result.code, 0, result.stderr);
    for (const kind of ['ClusterRole', 'Deployment', 'EndpointSlice', 'FlowSchema', 'Lease', 'Node', 'Pod', 'Secret']) {
      assert.match(result.stdout, new RegExp(`^Kind: +${kind}$`, 'm'));
    }
    assert.doesNotMatch(result.stdout, /\[object Object\]|undefined/);
  });

  test('events are those of the object that is named', async () => {
    const text = await cluster.mustNaru('events', '--for', 'deploy/web');
    assert.match(
      text,
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+ +Normal +ScalingReplicaSet +Deployment\/web +Scaled up/,
    );
    assert.match(await cluster.mustNaru('events', '-A', '--types=normal'), /^NAMESPACE +LAST SEEN/);
  });

  test('top tells what pods and nodes use, from the nodes themselves where no metrics are served', async () => {
    assert.match(
      await cluster.mustNaru('top', 'pods'),
      /^NAME +CPU\(cores\) +MEMORY\(bytes\)\nweb-\S+ +\d+m +\d+Mi\nweb-/,
    );
    assert.match(
      await cluster.mustNaru('top', 'pods', '-A', '--containers', '--sum'),
      /default +web-\S+ +web +\d+m +\d+Mi\n[^]*\n +\d+m +\d+Mi\n$/,
    );
    assert.match(await cluster.mustNaru('top', 'nodes'), /simulated-1 +\d+m +\d+% +\d+Mi +\d+%\n/);
  });

  test('completion for bash offers types, names and namespaces of the cluster, and is silent without one', async () => {
    const script = await cluster.mustNaru('completion', 'bash');
    const complete = async (home: string, ...words: string[]): Promise<string[]> => {
      const program = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _naru_complete 2>&1; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout } = await run('bash', ['-c', program, 'bash', path.join(root, 'naru'), ...words], {
        env: { NARU_HOME: home },
      });
      return stdout.trim().split('\n');
    };
    assert.deepEqual(await complete(cluster.home, 'get', 'boat'), ['boats']);
    assert.deepEqual(await complete(cluster.home, 'get', 'boats', ''), ['baram', 'nabi']);
    assert.deepEqual(await complete(cluster.home, 'get', 'boats/n'), ['boats/nabi']);
    assert.deepEqual(await complete(cluster.home, 'get', 'cm', '-n', 'oth'), ['other']);
    assert.deepEqual(await complete(cluster.home, 'get', 'cm', '-n', 'other', 'f'), ['far']);
    assert.deepEqual(await complete('/nowhere', 'get', 'boat'), ['']);
  });
});
