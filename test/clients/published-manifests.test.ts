/**
 * Manifests that projects publish for Kubernetes, applied as they are by the real kubectl 1.36: from the client's side wherever upstream takes
 * them so, from the server's, and again without a change. They are read from the folder `shared/manifests` beside the project, where there is one.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { eventually, root, TestCluster } from '../harness.ts';

const manifests = path.join(root, '../shared/manifests');
const skip = existsSync(manifests) ? false : 'there is no folder ../shared/manifests beside the project';

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

function documentsOf(file: string): Manifest[] {
  const documents = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Manifest | null);
  return documents.filter((document) => document !== null);
}

const filesIn = (folder: string): string[] =>
  skip === false ? readdirSync(path.join(manifests, folder)).map((file) => path.join(manifests, folder, file)) : [];

interface Versioned {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly generation?: number };
}

let cluster: TestCluster;

/** The lines that kubectl prints for a file. @throws AssertionError where it fails */
async function over(file: string, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await cluster.kubectl([...args, '-f', file], { timeoutMs: 120_000 });
  assert.equal(code, 0, `${args.join(' ')} ${file}: ${stderr}`);
  return stdout.trim().split('\n');
}

async function objectsOf(file: string, namespace: string): Promise<readonly Versioned[]> {
  const text = (await over(file, '-n', namespace, 'get', '-o', 'json')).join('\n');
  const list = JSON.parse(text) as { items?: Versioned[] };
  return list.items ?? [list as unknown as Versioned];
}

const generations = (objects: readonly Versioned[]): string[] =>
  objects.map(({ kind, metadata: { name, generation } }) => `${kind}/${name} ${generation}`).toSorted();
const versions = (objects: readonly Versioned[]): string[] =>
  objects.map(({ kind, metadata: { name, resourceVersion } }) => `${kind}/${name} ${resourceVersion}`).toSorted();

const not = (ending: string, lines: readonly string[]): string[] => lines.filter((line) => !line.endsWith(ending));

/**
 * kubectl patches policies every time, against any server: their rules are one value each, and what the server adds to them as a default looks like
 * a difference. The server then finds nothing to change.
 */
const alwaysPatched = 'validatingadmissionpolicy';

describe('manifests that projects publish', { timeout: 600_000, skip }, () => {
  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '3');
  });
  after(() => TestCluster.closeAll());

  test('the definitions of the Gateway API: from the client’s side, again, from the server’s side, again', async () => {
    for (const file of filesIn('gateway-api')) {
      assert.deepEqual(not(' created', await over(file, 'apply', '--validate=strict')), []);
      const before = generations(await settled(file));
      const changed = not(' unchanged', await over(file, 'apply'));
      assert.deepEqual(
        changed.filter((line) => !line.startsWith(alwaysPatched)),
        [],
      );
      assert.deepEqual(generations(await settled(file)), before);
      await over(file, 'apply', '--server-side', '--force-conflicts');
      const owned = await settled(file);
      assert.deepEqual(not(' serverside-applied', await over(file, 'apply', '--server-side')), []);
      assert.deepEqual(versions(await settled(file)), versions(owned));
      assert.deepEqual(generations(owned), before);
    }
    const names = filesIn('gateway-api').flatMap((file) => documentsOf(file).flatMap(crdName));
    await cluster.mustKubectl('wait', '--for=condition=Established', 'crd', ...names, '--timeout=20s');
  });

  test('what was made of the Gateway API stays as it was when its definitions come and go', async () => {
    const route = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'kept' },
      spec: { hostnames: ['kept.example'], rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
    };
    const created = await cluster.kubectl(['apply', '--validate=strict', '-f', '-'], { input: JSON.stringify(route) });
    assert.equal(created.code, 0, created.stderr);
    const read = async (version: string): Promise<object> => {
      const found = await cluster.json<{ metadata: { uid: string }; spec: object }>(
        'get',
        `httproute.${version}.gateway.networking.k8s.io/kept`,
      );
      return { uid: found.metadata.uid, spec: found.spec };
    };
    const before = await read('v1');
    assert.deepEqual(await read('v1beta1'), before);
    for (const file of filesIn('gateway-api')) await over(file, 'delete', '--timeout=20s');
    assert.deepEqual(await read('v1'), before);
    await over(path.join(manifests, 'gateway-api/httproutes.yaml'), 'apply', '--server-side');
    assert.deepEqual(await read('v1'), before);
    await cluster.mustKubectl('delete', 'httproute', 'kept');
    await over(path.join(manifests, 'gateway-api/httproutes.yaml'), 'delete');
  });

  const argo = path.join(manifests, 'argo-cd/install.yaml');

  test('Argo CD, whole: all but the definition that is too large for kubectl’s annotation from the client’s side', async () => {
    await cluster.mustKubectl('create', 'namespace', 'argocd');
    const count = documentsOf(argo).length;
    const first = await cluster.kubectl(['-n', 'argocd', 'apply', '-f', argo], { timeoutMs: 120_000 });
    assert.equal(first.code, 1);
    assert.match(
      first.stderr,
      /^The CustomResourceDefinition "applicationsets\.argoproj\.io" is invalid: metadata\.annotations: Too long: may not be more than 262144 bytes\n$/,
    );
    assert.equal(first.stdout.trim().split('\n').length, count - 1);
    const whole = await over(argo, '-n', 'argocd', 'apply', '--server-side', '--force-conflicts');
    assert.deepEqual([whole.length, not(' serverside-applied', whole)], [count, []]);
  });

  test('applied again by the server it does not change, and its kinds are there at once', async () => {
    const definitions = documentsOf(argo).flatMap(crdName);
    await cluster.mustKubectl('wait', '--for=condition=Established', 'crd', ...definitions, '--timeout=20s');
    const before = generations(await objectsOf(argo, 'argocd'));
    await over(argo, '-n', 'argocd', 'apply', '--server-side');
    assert.deepEqual(generations(await objectsOf(argo, 'argocd')), before);
    assert.match(
      await cluster.mustKubectl('api-resources', '--api-group=argoproj.io'),
      /^applications +app,apps +argoproj\.io\/v1alpha1 +true +Application$/m,
    );
    assert.match(
      await cluster.mustKubectl('explain', 'applicationset.spec'),
      /^ {2}generators\t<\[\]Object> -required-$/m,
    );
    assert.match(
      await cluster.mustKubectl('explain', 'application.spec.destination'),
      /^DESCRIPTION:\n {4}Destination is a reference to the target Kubernetes server and namespace$/m,
    );
  });

  test('an Application is checked, applied, shown and deleted', async () => {
    const application = {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: 'guestbook', namespace: 'argocd' },
      spec: {
        project: 'default',
        source: { repoURL: 'https://example.com/apps.git', path: 'guestbook', targetRevision: 'HEAD' },
        destination: { server: 'https://kubernetes.default.svc', namespace: 'guestbook' },
      },
    };
    const apply = (change: object, ...args: string[]) =>
      cluster.kubectl(['apply', ...args, '-f', '-'], { input: JSON.stringify({ ...application, ...change }) });
    const typo = await apply({ spec: { ...application.spec, projekt: 'x' } });
    assert.match(typo.stderr, /strict decoding error: unknown field "spec\.projekt"/);
    const incomplete = await apply({ spec: { project: 'default' } });
    assert.match(incomplete.stderr, /The Application "guestbook" is invalid: spec\.destination: Required value/);
    assert.match((await apply({})).stdout, /^application\.argoproj\.io\/guestbook created\n$/);
    assert.match((await apply({})).stdout, / unchanged\n$/);
    assert.match((await apply({}, '--server-side', '--force-conflicts')).stdout, / serverside-applied\n$/);
    assert.match(
      await cluster.mustKubectl('-n', 'argocd', 'get', 'apps'),
      /^NAME +SYNC STATUS +HEALTH STATUS *\nguestbook/,
    );
    await cluster.mustKubectl('-n', 'argocd', 'delete', 'app', 'guestbook');
  });

  test('Argo CD goes without a trace', async () => {
    await over(argo, '-n', 'argocd', 'delete', '--timeout=60s');
    await eventually('its kinds are gone', async () => {
      const left = await cluster.kubectl(['api-resources', '--api-group=argoproj.io', '-o', 'name']);
      return left.stdout === '';
    });
    await cluster.mustKubectl('delete', 'namespace', 'argocd', '--timeout=60s');
  });

  const applications: readonly (readonly [string, readonly string[]])[] = [
    ['voting-app', filesIn('voting-app')],
    ['microservices-demo', filesIn('microservices-demo')],
  ];
  for (const [name, files] of applications) {
    test(`${name}: applied twice from the client’s side and twice from the server’s, and gone`, async () => {
      await cluster.mustKubectl('create', 'namespace', name);
      for (const file of files) {
        assert.deepEqual(not(' created', await over(file, '-n', name, 'apply', '--validate=strict')), []);
        const first = generations(await objectsOf(file, name));
        await over(file, '-n', name, 'apply');
        assert.deepEqual(generations(await objectsOf(file, name)), first);
        // A Deployment counts a change of its annotations, too, and the server brings kubectl's up to date.
        await over(file, '-n', name, 'apply', '--server-side', '--force-conflicts');
        const owned = generations(await objectsOf(file, name));
        await over(file, '-n', name, 'apply', '--server-side');
        assert.deepEqual(generations(await objectsOf(file, name)), owned);
      }
      for (const file of files) await over(file, '-n', name, 'delete', '--wait=false');
      await cluster.mustKubectl('delete', 'namespace', name, '--timeout=60s');
    });
  }
});

function crdName({ kind, metadata }: Manifest): string[] {
  return kind === 'CustomResourceDefinition' ? [metadata.name] : [];
}

/** When nothing writes a status any more. */
async function settled(file: string): Promise<readonly Versioned[]> {
  let last = '';
  return eventually('nothing changes any more', async () => {
    const objects = await objectsOf(file, 'default');
    const now = versions(objects).join();
    const same = now === last;
    last = now;
    return same ? objects : undefined;
  });
}
