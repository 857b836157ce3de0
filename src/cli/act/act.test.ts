import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import { parseObjectWords } from '../cluster/object-names.ts';
import { exitCodeOf, UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { parsePlace, placeWithin } from './copy-places.ts';
import { mergePatch } from './edit.ts';
import { listenAddresses, parsePortWish, remotePort } from './forwarded-ports.ts';
import { holderOf } from './holder.ts';
import { LogPrinter } from './log-printer.ts';
import { newSources } from './log-sources.ts';
import { decideMarks, splitWords } from './marks.ts';
import { bestPod, chooseContainer, selectorOf } from './pods-of.ts';
import { endOf } from './remote/remote-command.ts';
import { revisionToRestore } from './revisions.ts';
import { decideImages, splitImages } from './set-image.ts';

function pod(
  name: string,
  wishes: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
    ready?: boolean;
    age?: number;
    leaving?: boolean;
    containers?: string[];
    ids?: string[];
  } = {},
): Pod {
  const { phase = 'Running', ready = true, age = 0, leaving = false, containers = ['app'], ids = [] } = wishes;
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: `2026-01-01T00:00:${String(50 - age).padStart(2, '0')}Z`,
      ...(leaving && { deletionTimestamp: '2026-01-01T00:01:00Z' }),
    },
    spec: { containers: containers.map((one) => ({ name: one, image: 'x' })) },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: ids.map((containerID, index) => ({
        name: containers[index] ?? '',
        containerID,
        image: 'x',
        imageID: 'x',
        ready,
        restartCount: 0,
      })),
    },
  };
}

function collector() {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { output, text: () => Buffer.concat(chunks).toString() };
}

describe('the objects that words name', () => {
  test('TYPE/NAME, TYPE NAME…, several types at once', () => {
    const objects = (...words: string[]) => {
      const parsed = parseObjectWords(words);
      return parsed.kind === 'objects' ? parsed.objects.map(({ type, name }) => `${type}/${name}`) : parsed.types;
    };
    assert.deepEqual(objects('pod/a', 'deploy/b'), ['pod/a', 'deploy/b']);
    assert.deepEqual(objects('pods', 'a', 'b'), ['pods/a', 'pods/b']);
    assert.deepEqual(objects('pods,svc', 'a'), ['pods/a', 'svc/a']);
    assert.deepEqual(objects('pods,svc'), ['pods', 'svc']);
  });

  test('what fits no form is wrong usage', () => {
    for (const words of [[], ['pod/a', 'b'], ['pods', 'pod/b'], ['pod/'], ['/a'], ['a/b/c'], [',']]) {
      assert.throws(() => parseObjectWords(words), UsageError, words.join(' '));
    }
    assert.equal(exitCodeOf(new UsageError('x')), 2);
  });
});

describe('the pod that is meant', () => {
  test('ready before running before pending before ended, and then the oldest', () => {
    const order = [
      pod('ready-old', { age: 9 }),
      pod('ready-young', { age: 1 }),
      pod('leaving', { leaving: true, age: 20 }),
      pod('unready', { ready: false, age: 30 }),
      pod('pending', { phase: 'Pending', ready: false, age: 40 }),
      pod('ended', { phase: 'Succeeded', ready: false, age: 45 }),
    ];
    for (let index = 0; index < order.length; index++) {
      assert.equal(bestPod(order.slice(index).toReversed())?.metadata?.name, order[index]?.metadata?.name);
    }
    assert.equal(bestPod([]), undefined);
  });

  test('the container: the one that is named, the annotated one, the first', () => {
    const two = pod('a', { containers: ['app', 'side'] });
    assert.deepEqual(chooseContainer(two, undefined), { name: 'app', others: ['side'] });
    assert.deepEqual(chooseContainer(two, 'side'), { name: 'side', others: [] });
    assert.throws(() => chooseContainer(two, 'none'), /no container "none"; it has app, side/);
    const annotated = {
      ...two,
      metadata: { ...two.metadata, annotations: { 'kubectl.kubernetes.io/default-container': 'side' } },
    };
    assert.deepEqual(chooseContainer(annotated, undefined), { name: 'side', others: [] });
  });

  test('selectors of workloads and of Services; an empty one selects nothing', () => {
    const of = (selector: unknown) => selectorOf({ spec: { selector } } as KubeObject);
    assert.equal(of({ matchLabels: { app: 'web' } }), 'app=web');
    assert.equal(of({ matchExpressions: [{ key: 'a', operator: 'In', values: ['b', 'c'] }] }), 'a in (b,c)');
    assert.equal(of({ app: 'web', tier: 'front' }), 'app=web,tier=front');
    assert.equal(of(undefined), undefined);
    assert.equal(of({}), undefined);
  });
});

describe('logs', () => {
  test('each run of a container is a source once; one that has not begun is none yet', () => {
    const known = new Set<string>();
    const sources = (...pods: Pod[]) => {
      const found = newSources(pods, {}, known);
      for (const { run } of found) known.add(run);
      return found.map((source) => `${source.pod}/${source.container}`);
    };
    assert.deepEqual(sources(pod('a'), pod('b', { ids: ['1'] })), ['b/app']);
    assert.deepEqual(sources(pod('a', { ids: ['2'] }), pod('b', { ids: ['1'] })), ['a/app']);
    // It was restarted.
    assert.deepEqual(sources(pod('a', { ids: ['3'] })), ['a/app']);
    assert.deepEqual(sources(pod('a', { ids: ['3'] })), []);
  });

  test('pods without the wanted container are left out; all containers are all', () => {
    const both = pod('b', { containers: ['app', 'side'], ids: ['1', '2'] });
    assert.deepEqual(
      newSources([pod('a', { ids: ['3'] }), both], { container: 'side' }, new Set()).map(({ pod: name }) => name),
      ['b'],
    );
    assert.equal(newSources([both], { allContainers: true }, new Set()).length, 2);
  });

  test('lines keep whole, whatever pieces they come in, each with whose it is', async () => {
    const { output, text } = collector();
    const printer = new LogPrinter(output, false);
    const [one, two] = ['a', 'b'].map((name) => printer.lines({ pod: name, container: 'app', run: name }));
    await one?.push(Buffer.from('first\nsec'));
    await two?.push(Buffer.from('other\n'));
    await one?.push(Buffer.from('ond\n\nunended'));
    await one?.end();
    await two?.end();
    assert.equal(
      text(),
      '[pod/a/app] first\n[pod/b/app] other\n[pod/a/app] second\n[pod/a/app] \n[pod/a/app] unended\n',
    );
  });

  test('a line without an end does not fill the memory', async () => {
    const { output, text } = collector();
    const lines = new LogPrinter(output, false).lines({ pod: 'a', container: 'app', run: '' });
    for (let piece = 0; piece < 4; piece++) await lines.push(Buffer.alloc(700_000, 'x'));
    assert.equal(text().split('\n').length, 3);
  });
});

describe('how a program in a container ended', () => {
  const status = (fields: object): string => JSON.stringify({ metadata: {}, ...fields });
  test('by its code, by a failure, and never well where the connection broke', () => {
    const exited = (exitCode: number) => ({ kind: 'exited', exitCode });
    assert.deepEqual(endOf(status({ status: 'Success' }), 1000), exited(0));
    const causes = [{ reason: 'ExitCode', message: '137' }];
    assert.deepEqual(
      endOf(status({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } }), 1000),
      exited(137),
    );
    assert.deepEqual(endOf(status({ status: 'Failure', message: 'no such program' }), 1000), {
      kind: 'failed',
      message: 'no such program',
    });
    assert.deepEqual(endOf('plain words\n', 1000), { kind: 'failed', message: 'plain words' });
    assert.deepEqual(endOf(undefined, 1000), exited(0));
    assert.equal(endOf(undefined, 1006).kind, 'failed');
  });
});

describe('forwarded ports', () => {
  test('what leads where', () => {
    assert.deepEqual(parsePortWish('8080'), { local: 8080, remote: '8080' });
    assert.deepEqual(parsePortWish('8080:80'), { local: 8080, remote: '80' });
    assert.deepEqual(parsePortWish(':80'), { local: 0, remote: '80' });
    assert.deepEqual(parsePortWish('0:http'), { local: 0, remote: 'http' });
    assert.deepEqual(parsePortWish('http'), { local: 0, remote: 'http' });
    for (const bad of ['', ':', '80:', 'a:80', '70000', '80:70000', '0', '1:2:3', '-1:2:']) {
      assert.throws(() => parsePortWish(bad), UsageError, bad);
    }
    assert.deepEqual(listenAddresses('localhost,10.0.0.1'), ['127.0.0.1', '::1', '10.0.0.1']);
  });

  test("a Service's port is the pod's target port, by number or name", () => {
    const web: Pod = {
      spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }] },
      metadata: { name: 'web' },
    };
    const service = (spec: NonNullable<Service['spec']>): Service => ({ metadata: { name: 'web' }, spec });
    const wish = (remote: string) => ({ local: 0, remote });
    const named = service({ ports: [{ port: 80, name: 'main', targetPort: 'http' }, { port: 81 }] });
    assert.equal(remotePort(wish('80'), web, named), 8080);
    assert.equal(remotePort(wish('main'), web, named), 8080);
    assert.equal(remotePort(wish('81'), web, named), 81);
    assert.equal(
      remotePort(wish('80'), web, service({ clusterIP: 'None', ports: [{ port: 80, targetPort: 8080 }] })),
      80,
    );
    assert.equal(remotePort(wish('http'), web, undefined), 8080);
    assert.throws(() => remotePort(wish('90'), web, named), /service web has no port 90; it has 80 \(main\), 81/);
    assert.throws(() => remotePort(wish('grpc'), web, undefined), /no port named "grpc"; it has http/);
  });
});

describe('copies', () => {
  test('places here and in pods', () => {
    assert.deepEqual(parsePlace('web-0:/tmp/x'), { kind: 'pod', namespace: undefined, pod: 'web-0', path: '/tmp/x' });
    assert.deepEqual(parsePlace('shop/web-0:x'), { kind: 'pod', namespace: 'shop', pod: 'web-0', path: 'x' });
    assert.deepEqual(parsePlace('./a:b'), { kind: 'local', path: './a:b' });
    assert.deepEqual(parsePlace('dir/file'), { kind: 'local', path: 'dir/file' });
    for (const bad of ['', ':x', 'a:', 'a/b/c:x', '/a'.slice(2)]) assert.throws(() => parsePlace(bad), UsageError, bad);
  });

  test('nothing of an archive lies outside what was asked for', () => {
    assert.equal(placeWithin('tmp/src/d/b', '/tmp/src'), 'd/b');
    assert.equal(placeWithin('tmp/src/', '/tmp/src'), '');
    assert.equal(placeWithin('./x/y', './x'), 'y');
    assert.equal(placeWithin('etc/passwd', '/'), 'etc/passwd');
    for (const hostile of ['../etc/passwd', 'tmp/src/../../x', '/etc/passwd', 'tmp/srcs/x', '..']) {
      assert.equal(placeWithin(hostile, '/tmp/src'), undefined, hostile);
    }
  });
});

describe('changes', () => {
  test('labels as words', () => {
    const { names, changes } = splitWords(['pods', 'a', 'x=y', 'z=', 'old-']);
    assert.deepEqual(
      [names, [...changes]],
      [
        ['pods', 'a'],
        [
          ['x', 'y'],
          ['z', ''],
          ['old', null],
        ],
      ],
    );
    assert.throws(() => splitWords(['pod/a', 'x=y', 'b']), UsageError);
    assert.throws(() => splitWords(['pod/a', 'x=y', 'x-']), /"x" is named twice/);
  });

  test('a value that is there is given up only on purpose', () => {
    const change = (value: string | null) => new Map([['a', value]]);
    assert.deepEqual(decideMarks({}, change('1'), false), { a: '1' });
    assert.deepEqual(decideMarks({ a: '1' }, change('1'), false), {});
    assert.throws(
      () => decideMarks({ a: '1' }, change('2'), false),
      /'a' already has a value \(1\), and --overwrite is false/,
    );
    assert.deepEqual(decideMarks({ a: '1' }, change('2'), true), { a: '2' });
    assert.deepEqual(decideMarks({ a: '1' }, change(null), false), { a: null });
    assert.deepEqual(decideMarks({}, change(null), false), {});
  });

  test('images: where each kind has its containers, and only what differs', () => {
    const { names, images } = splitImages(['deploy/web', 'app=x:2']);
    assert.deepEqual(names, ['deploy/web']);
    const spec = { containers: [{ name: 'app', image: 'x:1' }], initContainers: [{ name: 'init', image: 'y:1' }] };
    const deployment = { kind: 'Deployment', metadata: { name: 'web' }, spec: { template: { spec } } } as KubeObject;
    assert.deepEqual(decideImages(deployment, images), {
      spec: { template: { spec: { containers: [{ name: 'app', image: 'x:2' }] } } },
    });
    assert.deepEqual(decideImages({ kind: 'Pod', spec } as KubeObject, new Map([['*', 'y:1']])), {
      spec: { containers: [{ name: 'app', image: 'y:1' }] },
    });
    const cronJob = { kind: 'CronJob', spec: { jobTemplate: { spec: { template: { spec } } } } } as KubeObject;
    assert.ok(decideImages(cronJob, images));
    assert.equal(decideImages(deployment, new Map([['app', 'x:1']])), undefined);
    assert.throws(() => decideImages(deployment, new Map([['none', 'z']])), /no container "none"; it has app, init/);
    assert.throws(() => decideImages({ kind: 'Service' }, images), UserError);
    for (const bad of [['deploy/web'], ['deploy/web', '=x'], ['deploy/web', 'app=']])
      assert.throws(() => splitImages(bad), UsageError);
  });

  test('the patch of an edit holds what was changed, and nothing else', () => {
    const before = { a: 1, b: { c: 1, d: [1, 2] }, e: 'x' };
    assert.equal(mergePatch(before, structuredClone(before)), undefined);
    assert.deepEqual(mergePatch(before, { a: 1, b: { c: 2, d: [1, 2] }, f: {} }), { b: { c: 2 }, e: null, f: {} });
    assert.deepEqual(mergePatch(before, { ...before, b: { c: 1, d: [2] } }), { b: { d: [2] } });
  });

  test('what a rollback goes to', () => {
    const revisions = [1, 3, 4].map((number) => ({ number, cause: undefined, template: {} }));
    assert.equal(revisionToRestore(revisions, 0)?.number, 3);
    assert.equal(revisionToRestore(revisions, 1)?.number, 1);
    assert.equal(revisionToRestore(revisions, 2), undefined);
    assert.equal(revisionToRestore(revisions.slice(0, 1), 0), undefined);
  });

  test('who holds what was deleted', () => {
    assert.match(
      holderOf({ metadata: { finalizers: ['example.com/x'] } }),
      /held by finalizer example\.com\/x \(its own controller must remove it/,
    );
    assert.match(holderOf({ metadata: { finalizers: ['kubernetes.io/pvc-protection'] } }), /a pod still uses it/);
    assert.equal(
      holderOf({ kind: 'Pod', metadata: { deletionGracePeriodSeconds: 30 } }),
      'ends its programs (grace period 30 s)',
    );
    const conditions = [
      { type: 'NamespaceContentRemaining', status: 'True', message: 'pods. has 1 resource instances' },
    ];
    const namespace = { kind: 'Namespace', spec: { finalizers: ['kubernetes'] }, status: { conditions } } as KubeObject;
    assert.equal(holderOf(namespace), 'is not empty: pods. has 1 resource instances');
  });
});
