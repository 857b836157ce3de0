/**
 * `naru up PATH`, `naru apply`, `naru diff` and `naru kustomize` on simulated nodes: manifests that projects publish, a kustomization, what is
 * pruned, what is told where something does not become healthy, and a second run that changes nothing.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, eventually, root, run, TestCluster } from '../harness.ts';

const manifests = path.join(root, '../shared/manifests');
const skip = existsSync(manifests) ? false : 'there is no folder ../shared/manifests beside the project';

let cluster: TestCluster;

/** As a user in a folder does. */
const naru = (folder: string, ...args: string[]): Promise<CommandResult> =>
  run(path.join(root, 'naru'), args, {
    env: { NARU_HOME: cluster.home, KUBECONFIG: '' },
    cwd: folder,
    timeoutMs: 180_000,
  });

async function mustNaru(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await naru(folder, ...args);
  assert.equal(code, 0, `naru ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

function written(name: string, files: Readonly<Record<string, string>>): string {
  const folder = path.join(cluster.scratch, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  }
  return folder;
}

const deployment = (name: string, replicas: number, more = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: main, image: example/web:1${more}}]}
`;
const service = (name: string, app: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {selector: {app: ${app}}, ports: [{port: 80}]}\n`;
const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {key: "${value}"}\n`;

describe('an application by naru up', { timeout: 600_000 }, () => {
  before(async () => {
    cluster = await TestCluster.create();
  });
  after(() => TestCluster.closeAll());

  test('what cannot be read is told before anything is started', async () => {
    const folder = written('broken', { 'web.yaml': 'apiVersion: v1\nkind: Pod\nmetadata: [\n' });
    const { code, stderr } = await naru(folder, 'up', '--simulated-nodes', '2', '.');
    assert.equal(code, 1);
    assert.match(stderr, /^naru: web\.yaml:\d: /);
    assert.ok(!existsSync(path.join(cluster.home, 'naru.pid')));
    const usage = await naru(folder, 'up', '--prune');
    assert.equal(usage.code, 2);
    assert.match(usage.stderr, /--prune is for an application; name its folder or file: naru up PATH --prune/);
  });

  test('from nothing to a healthy application, and a second time without a change', async () => {
    const folder = written('shop', { 'web.yaml': deployment('web', 2), 'more/service.yaml': service('web', 'web') });
    const first = await mustNaru(folder, 'up', '.', '--port', '0', '--simulated-nodes', '3', '-n', 'shop');
    assert.match(first, /The cluster answers at https/);
    assert.match(first, /service\/web created\ndeployment\.apps\/web created\n/);
    assert.match(first, /healthy: all of it/);
    const pods = await cluster.json<{ items: unknown[] }>('get', 'pods', '-n', 'shop');
    assert.equal(pods.items.length, 2);
    const second = await mustNaru(folder, 'up', '.', '-n', 'shop');
    assert.match(second, /already running/);
    assert.match(second, /\n2 objects unchanged\n/);
    assert.doesNotMatch(second, /created|configured|took over/);
  });

  test('what the files have no more is told, and goes with --prune; what holds data stays', async () => {
    const claim =
      'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n';
    const folder = written('parts', { 'a.yaml': configMap('a', '1'), 'b.yaml': configMap('b', '1'), 'c.yaml': claim });
    await mustNaru(folder, 'up', '.');
    rmSync(path.join(folder, 'b.yaml'));
    rmSync(path.join(folder, 'c.yaml'));
    writeFileSync(path.join(folder, 'a.yaml'), configMap('a', '2'));
    const told = await mustNaru(folder, 'up', '.');
    assert.match(told, /configmap\/a configured/);
    assert.match(told, /parts has these no more, and they still run: configmap\/b; --prune deletes them/);
    assert.match(await mustNaru(folder, 'up', '.', '--prune'), /^configmap\/b pruned$/m);
    assert.equal((await cluster.kubectl(['get', 'configmap', 'b'])).code, 1);
    assert.equal((await cluster.kubectl(['get', 'pvc', 'data'])).code, 0);
    assert.doesNotMatch(await mustNaru(folder, 'up', '.'), /no more/);
  });

  test('what does not become healthy is explained, and what runs is left', async () => {
    const folder = written('large', {
      'web.yaml': deployment('huge', 1, ', resources: {requests: {cpu: "1000"}}'),
      'small.yaml': deployment('small', 1),
    });
    const { code, stderr } = await naru(folder, 'up', '.', '--timeout', '4s');
    assert.equal(code, 1);
    assert.match(stderr, /not healthy: 1 of 2 healthy after \d+\.\d s; what runs is left running/);
    assert.match(stderr, /huge/);
    assert.match(stderr, /cpu/i);
    const { status } = await cluster.json<{ status: { readyReplicas: number } }>('get', 'deployment', 'small');
    assert.equal(status.readyReplicas, 1);
  });

  test('Ctrl-C ends the waiting, says what goes on, and leaves it', async () => {
    const folder = written('slow', { 'web.yaml': deployment('slow', 1, ', resources: {requests: {cpu: "1000"}}') });
    const child = spawn(path.join(root, 'naru'), ['up', '.'], {
      cwd: folder,
      env: { ...process.env, NARU_HOME: cluster.home, KUBECONFIG: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await eventually('it waits', () => text.includes('deployment.apps/slow: ') || undefined);
    child.kill('SIGINT');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 130);
    assert.match(text, /Stopped waiting\. The cluster goes on with it in the background: naru status, naru why/);
    assert.equal((await cluster.kubectl(['get', 'deployment', 'slow'])).code, 0);
  });

  test('a Service that nothing stands behind is told', async () => {
    const folder = written('typo', { 'all.yaml': `${deployment('typo', 1)}---\n${service('typo', 'tipo')}` });
    assert.match(
      await mustNaru(folder, 'up', '.'),
      /service\/typo: no ready pod has the labels that it asks for \(app=tipo\)/,
    );
  });

  test('what a person scaled is taken over and told; what an autoscaler scaled stays', async () => {
    const folder = written('scaled', { 'web.yaml': deployment('scaled', 2) });
    await mustNaru(folder, 'up', '.');
    await cluster.mustKubectl('scale', 'deployment', 'scaled', '--replicas=4');
    assert.match(
      await mustNaru(folder, 'up', '.'),
      /deployment\.apps\/scaled configured\n {2}took over spec\.replicas of kubectl/,
    );
    const autoscaler =
      'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaled}\nspec: {minReplicas: 3, maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}\n';
    writeFileSync(path.join(folder, 'scale.yaml'), autoscaler);
    await mustNaru(folder, 'up', '.');
    // Nobody but naru has set its size yet: it is kept, and does not fall back to one.
    assert.match(await mustNaru(folder, 'up', '.'), /^2 objects unchanged$/m);
    await cluster.mustKubectl('scale', 'deployment', 'scaled', '--replicas=3');
    await mustNaru(folder, 'up', '.');
    const { spec } = await cluster.json<{ spec: { replicas: number } }>('get', 'deployment', 'scaled');
    assert.equal(spec.replicas, 3);
  });

  test('definitions first, then what they define, from one folder', async () => {
    const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: boats, singular: boat, kind: Boat}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`;
    const boat = 'apiVersion: example.com/v1\nkind: Boat\nmetadata: {name: a}\n';
    const folder = written('boats', { 'a-boat.yaml': boat, 'z-definition.yaml': definition });
    assert.match(await mustNaru(folder, 'up', '.'), /boats\.example\.com created\nboat\.example\.com\/a created/);
  });

  test('a dry run of what brings its own namespace and kinds', async () => {
    const folder = written('to-come', {
      'all.yaml': `
apiVersion: v1
kind: Namespace
metadata: {name: to-come}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rafts.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: rafts, singular: raft, kind: Raft}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
{apiVersion: example.com/v1, kind: Raft, metadata: {name: a, namespace: to-come}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: to-come}}
`,
    });
    const said = await mustNaru(folder, 'up', '.', '--dry-run');
    for (const name of ['namespace/to-come', 'configmap/a', 'raft.example.com/a']) {
      assert.match(said, new RegExp(`^${name} created \\(server dry run\\)$`, 'm'));
    }
    assert.equal((await cluster.kubectl(['get', 'namespace', 'to-come'])).code, 1);
  });

  test('a kustomization, and a dry run of another', async () => {
    const folder = written('kustomized', {
      'kustomization.yaml':
        'namePrefix: my-\nresources: [web.yaml]\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n',
      'web.yaml': deployment('web', 1),
    });
    assert.match(await mustNaru(folder, 'up', '.', '--dry-run'), /deployment\.apps\/my-web created \(server dry run\)/);
    assert.equal((await cluster.kubectl(['get', 'deployment', 'my-web'])).code, 1);
    assert.match(
      await mustNaru(folder, 'up', '.'),
      /configmap\/my-settings-[a-z0-9]{10} created\ndeployment\.apps\/my-web created/,
    );
    const printed = await mustNaru(folder, 'kustomize');
    const { stdout } = await cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], { input: printed });
    assert.match(stdout, /deployment\.apps\/my-web configured/);
  });
});

describe('naru apply and naru diff', { timeout: 300_000 }, () => {
  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
  });
  after(() => TestCluster.closeAll());

  test('created, unchanged, configured', async () => {
    const folder = written('app', { 'a.yaml': configMap('a', '1'), 'b.yaml': deployment('web', 1) });
    assert.equal(await mustNaru(folder, 'apply', '-f', '.'), 'configmap/a created\ndeployment.apps/web created\n');
    assert.equal(await mustNaru(folder, 'apply', '-f', '.'), 'configmap/a unchanged\ndeployment.apps/web unchanged\n');
    assert.equal((await naru(folder, 'diff', '-f', '.')).code, 0);
    writeFileSync(path.join(folder, 'a.yaml'), configMap('a', '2'));
    const { code, stdout } = await naru(folder, 'diff', '-f', '.');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^-+ default\/configmap\/a \(in the cluster\)\n\+\+\+ default\/configmap\/a \(a\.yaml:1\)\n@@ .* @@\n[^]*-  key: "1"\n\+  key: "2"\n/,
    );
    assert.equal(
      await mustNaru(folder, 'apply', '-f', 'a.yaml', '--dry-run'),
      'configmap/a configured (server dry run)\n',
    );
    assert.equal(
      await mustNaru(folder, 'apply', '-f', 'a.yaml', '--wait'),
      'configmap/a configured\nhealthy: all of it, after 0.0 s\n',
    );
  });

  test('a Secret’s values stay out of a diff', async () => {
    const secret = (value: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: ${value}}\n`;
    const folder = written('secret', { 's.yaml': secret('hidden-one') });
    await mustNaru(folder, 'apply', '-f', '.');
    writeFileSync(path.join(folder, 's.yaml'), secret('hidden-two'));
    const { code, stdout } = await naru(folder, 'diff', '-f', 's.yaml');
    assert.equal(code, 1);
    assert.match(stdout, /-  password: '?\*\*\* \(before\)'?\n\+  password: '?\*\*\* \(after\)'?/);
    assert.doesNotMatch(stdout, new RegExp(Buffer.from('hidden').toString('base64').slice(0, 6)));
  });

  test('fields of others are a conflict in words, and taken over where asked', async () => {
    const folder = written('conflict', { 'c.yaml': configMap('c', 'mine') });
    const theirs = configMap('c', 'theirs');
    await cluster.kubectl(['apply', '--server-side', '--field-manager=other', '-f', '-'], { input: theirs });
    const { code, stderr } = await naru(folder, 'apply', '-f', 'c.yaml');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /c\.yaml:1: configmap\/c has fields that others set to other values: data\.key of other; .*--force-conflicts/,
    );
    const forced = await naru(folder, 'apply', '-f', 'c.yaml', '--force-conflicts');
    assert.equal(forced.stdout, 'configmap/c configured\n');
    assert.match(forced.stderr, /took over data\.key of other/);
  });

  const refused: readonly (readonly [
    title: string,
    files: Readonly<Record<string, string>>,
    args: readonly string[],
    code: number,
    message: RegExp,
  ])[] = [
    ['nothing named', {}, [], 2, /name what is meant: files with -f FILE/],
    ['both named', {}, ['-f', 'a', '-k', 'b'], 2, /name what is meant/],
    ['prune without a name', {}, ['-f', 'a', '--prune'], 2, /--prune needs --application NAME/],
    [
      'an unknown kind',
      { 'a.yaml': 'apiVersion: no.example/v1\nkind: Thing\nmetadata: {name: a}\n' },
      ['-f', 'a.yaml'],
      1,
      /a\.yaml:1: this cluster has no Thing in no\.example\/v1/,
    ],
    [
      'an invalid object',
      { 'a.yaml': 'apiVersion: v1\nkind: Service\nmetadata: {name: UPPER}\nspec: {ports: [{port: 80}]}\n' },
      ['-f', 'a.yaml'],
      1,
      /a\.yaml:1: service\/UPPER is refused: .*UPPER/,
    ],
    [
      'a namespace that is not there',
      { 'a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: nowhere}\n' },
      ['-f', 'a.yaml'],
      1,
      /for the namespace nowhere, which does not exist/,
    ],
    [
      'the same twice',
      { 'a.yaml': configMap('a', '1'), 'b.yaml': configMap('a', '2') },
      ['-f', '.'],
      1,
      /ConfigMap a is there twice: at a\.yaml:1 and at b\.yaml:1/,
    ],
  ];
  for (const [title, files, args, code, message] of refused) {
    test(`${title} is refused`, async () => {
      const folder = written(`refused ${title}`, { 'README.md': '', ...files });
      const result = await naru(folder, 'apply', ...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, message);
      assert.doesNotMatch(result.stderr, /^ +at /m);
    });
  }

  test('of several broken ones each is told, and the others of their step are applied', async () => {
    const bad = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
    const folder = written('several', {
      'a.yaml': bad('BAD1'),
      'b.yaml': configMap('good', '1'),
      'c.yaml': bad('BAD2'),
    });
    const { code, stdout, stderr } = await naru(folder, 'apply', '-f', '.');
    assert.deepEqual([code, stdout], [1, 'configmap/good created\n']);
    assert.match(stderr, /a\.yaml:1: configmap\/BAD1 is refused[^]*c\.yaml:1: configmap\/BAD2 is refused/);
  });
});

describe('applications that projects publish', { timeout: 300_000, skip }, () => {
  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '3');
  });
  after(() => TestCluster.closeAll());

  for (const name of ['voting-app', 'microservices-demo']) {
    test(`${name}: healthy, and unchanged the second time`, async () => {
      const first = await mustNaru(manifests, 'up', name, '-n', name);
      assert.match(first, /deployment\.apps\/\S+ created/);
      assert.match(first, /healthy: all of it/);
      const second = await mustNaru(manifests, 'up', name, '-n', name);
      assert.doesNotMatch(second, /created|configured|took over|no more/);
      assert.match(second, /objects unchanged/);
    });
  }
});
