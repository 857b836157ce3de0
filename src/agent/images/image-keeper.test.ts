import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import type { ObjectSource } from '../object-source.ts';
import { type ImageStatus, type RegistryCredentials, type Runtime, RuntimeError } from '../runtime.ts';
import { make } from '../testing.ts';
import { formatDuration, ImageKeeper, type ImageKeeperOptions } from './image-keeper.ts';
import type { ImageVolume } from './image-mounts.ts';
import { noPullRecords } from './pull-records.ts';

const { container } = make;
const free = { serializeImagePulls: false, registryPullQPS: 0, registryBurst: 0 };

interface Options extends Partial<ImageKeeperOptions> {
  readonly present?: readonly string[];
  readonly pull?: (image: string, credentials?: RegistryCredentials) => Promise<void>;
}

/** Only what images need; anything else would fail. */
function setUp({ present = [], pull = () => Promise.resolve(), ...options }: Options = {}) {
  const clock = new VirtualClock();
  const here = new Set(present);
  const asked: string[] = [];
  const pulls: string[] = [];
  const events: string[] = [];
  const status = (image: string): ImageStatus => ({ id: `id-of-${image}`, tags: [image], digests: [], sizeBytes: 7 });
  const runtime = {
    imageStatus: async (image: string) => {
      asked.push(image);
      const name = image.replace(/^id-of-/, '');
      return here.has(name) ? status(name) : undefined;
    },
    pullImage: async (image: string, credentials?: RegistryCredentials) => {
      pulls.push(credentials === undefined ? image : `${credentials.username}@${image}`);
      await clock.sleep(1500);
      await pull(image, credentials);
      here.add(image);
      return `id-of-${image}`;
    },
  } as unknown as Runtime;
  const auths = (user: string) => ({ 'r.example': { auth: Buffer.from(`${user}:p`).toString('base64') } });
  const source = {
    secret: async ({ name }: { readonly name: string }) => {
      if (name === 'away') return undefined;
      if (name === 'down') throw new Error('the server is down');
      const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: auths(name) })).toString('base64') };
      return { metadata: { name, uid: `uid-${name}` }, type: 'kubernetes.io/dockerconfigjson', data };
    },
  } as unknown as ObjectSource;
  const keeper = new ImageKeeper({ runtime, source, clock, settings: free, ...options });
  const event = (_type: string, reason: string, message: string): void => void events.push(`${reason}: ${message}`);
  return { keeper, clock, asked, pulls, events, event };
}

async function pulled(fixture: ReturnType<typeof setUp>, pod: Pod, image = 'app:1') {
  const pulling = fixture.keeper.pull(pod, container('app', { image }), fixture.event, () => 10_000);
  await fixture.clock.advance(60_000);
  return pulling;
}

describe('looking for an image', () => {
  test('a name that is none is told without asking the runtime or a registry', async () => {
    for (const image of ['Example/Bad:1', 'a b', '']) {
      const { keeper, asked, events, event } = setUp();
      const found = await keeper.find(make.pod(), container('app', { image, imagePullPolicy: 'Always' }), event, 7);
      assert.ok(found?.kind === 'failed' && found.reason === 'InvalidImageName' && found.retryAtMs === 7, image);
      const words = `Failed to apply default image tag "${image}": couldn't parse`;
      assert.ok(found.message.startsWith(words), found.message);
      assert.deepEqual(asked, []);
      assert.deepEqual(events, [`InspectFailed: ${found.message}`, 'Failed: Error: InvalidImageName']);
    }
  });

  test('the policy decides whether it must be pulled', async () => {
    const find = (imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never', present: readonly string[]) =>
      setUp({ present }).keeper.find(make.pod(), container('app', { imagePullPolicy }), () => {}, 7);
    const here = { kind: 'present', imageId: 'id-of-app:1' };
    assert.equal(await find('Always', ['app:1']), undefined);
    assert.equal(await find('IfNotPresent', []), undefined);
    assert.deepEqual(await find('IfNotPresent', ['app:1']), here);
    assert.deepEqual(await find('Never', ['app:1']), here);
    const never = await find('Never', []);
    assert.equal(never?.kind === 'failed' && never.reason, 'ErrImageNeverPull');
  });

  test('an image that the pod may not use is as good as absent', async () => {
    const records = { ...noPullRecords, mayUse: () => Promise.resolve(false) };
    const find = (imagePullPolicy: 'IfNotPresent' | 'Never') => {
      const fixture = setUp({ present: ['app:1'], records });
      return fixture.keeper.find(make.pod(), container('app', { imagePullPolicy }), fixture.event, 7);
    };
    assert.equal(await find('IfNotPresent'), undefined);
    const never = await find('Never');
    const message = 'Container image "app:1" is not present with pull policy of Never';
    assert.ok(never?.kind === 'failed' && never.message === message);
  });

  test('a runtime that cannot tell is an ImageInspectError; one that does not answer is asked again', async () => {
    const failing = (kind: 'failed' | 'unavailable') => {
      const runtime = { imageStatus: () => Promise.reject(new RuntimeError(kind, 'boom')) } as unknown as Runtime;
      return setUp({ runtime }).keeper.find(make.pod(), container('app'), () => {}, 7);
    };
    const state = await failing('failed');
    assert.ok(state?.kind === 'failed' && state.reason === 'ImageInspectError');
    assert.equal(state.message, 'Failed to inspect image "app:1": boom');
    await assert.rejects(failing('unavailable'), /boom/);
  });
});

describe('pulling an image', () => {
  test('events say how long it took, alone and with waiting, and how large it is', async () => {
    const fixture = setUp({ settings: { ...free, serializeImagePulls: true } });
    const states = await Promise.all([pulled(fixture, make.pod(), 'a:1'), pulled(fixture, make.pod(), 'b:1')]);
    assert.deepEqual(
      states.map((state) => state.kind === 'present' && state.imageId),
      ['id-of-a:1', 'id-of-b:1'],
    );
    assert.deepEqual(fixture.events, [
      'Pulling: Pulling image "a:1"',
      'Pulling: Pulling image "b:1"',
      'Pulled: Successfully pulled image "a:1" in 1.5s (1.5s including waiting). Image size: 7 bytes.',
      'Pulled: Successfully pulled image "b:1" in 1.5s (3s including waiting). Image size: 7 bytes.',
    ]);
  });

  test('two pods that want one image wait for one pull, and are told each', async () => {
    const fixture = setUp();
    await Promise.all([pulled(fixture, make.pod()), pulled(fixture, make.pod())]);
    assert.deepEqual(fixture.pulls, ['app:1']);
    assert.equal(fixture.events.filter((event) => event.startsWith('Pulled')).length, 2);
  });

  test('the pod’s credentials are tried in order, then the node’s; the record names the secret that opened', async () => {
    const noted: unknown[] = [];
    const records = {
      ...noPullRecords,
      pulled: async (image: string, imageId: string, secret: unknown) => void noted.push([image, imageId, secret]),
    };
    const credentials = {
      entries: async () => [{ registry: 'r.example', credentials: { username: 'node', password: 'p' } }],
    };
    const pod = make.pod({
      imagePullSecrets: [{ name: 'first' }, { name: 'away' }, { name: 'down' }, { name: 'second' }],
    });
    const only = (user: string) => async (_image: string, given?: RegistryCredentials) => {
      if (given?.username !== user) throw new RuntimeError('failed', `401 for ${given?.username}`);
    };
    const fixture = setUp({ records, credentials, pull: only('second') });
    await pulled(fixture, pod, 'r.example/app:1');
    assert.deepEqual(fixture.pulls, ['first@r.example/app:1', 'second@r.example/app:1']);
    assert.ok(
      fixture.events.includes(
        'FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (away, down); attempting to pull the image may not succeed.',
      ),
    );
    const [[, , secret]] = noted as [[string, string, { readonly name: string; readonly credentialHash: string }]];
    assert.equal(secret.name, 'second');
    assert.match(secret.credentialHash, /^[0-9a-f]{64}$/);
    await pulled(setUp({ records, credentials, pull: only('node') }), pod, 'r.example/app:1');
    assert.deepEqual(noted.at(-1), ['r.example/app:1', 'id-of-r.example/app:1', undefined]);
    const state = await pulled(setUp({ credentials, pull: only('nobody') }), pod, 'r.example/app:1');
    assert.ok(state.kind === 'failed');
    assert.equal(state.message, '[401 for first, 401 for second, 401 for node]');
  });

  test('what another node has comes from there, and no registry is asked', async () => {
    const noted: string[] = [];
    const records = { ...noPullRecords, begin: async (image: string) => void noted.push(image) };
    const nodes = { fetch: async () => ({ imageId: 'sha256:a', sizeBytes: 9, tookMs: 1200, node: 'n1' }) };
    const fixture = setUp({ nodes, records });
    assert.deepEqual(await pulled(fixture, make.pod()), { kind: 'present', imageId: 'sha256:a' });
    assert.deepEqual([fixture.pulls, noted], [[], []], 'it is as if it was imported here');
    assert.deepEqual(fixture.events, [
      'Pulling: Pulling image "app:1"',
      'Pulled: Successfully pulled image "app:1" from node "n1" in 1.2s (0s including waiting). Image size: 9 bytes.',
    ]);
  });

  test('no node has it, the registry decides by policy, or the pod may not use what came so: as without', async () => {
    const given = { imageId: 'sha256:a', sizeBytes: 9, tookMs: 0, node: 'n1' };
    const none = setUp({ nodes: { fetch: async () => undefined } });
    await pulled(none, make.pod());
    const asked: string[] = [];
    const fetch = async (image: string) => {
      asked.push(image);
      return given;
    };
    const always = setUp({ nodes: { fetch } });
    const one = container('app', { image: 'app:1', imagePullPolicy: 'Always' });
    const pull = always.keeper.pull(make.pod(), one, always.event, () => 10_000);
    await always.clock.advance(60_000);
    await pull;
    assert.deepEqual(asked, []);
    const records = { ...noPullRecords, mayUse: () => Promise.resolve(false) };
    const barred = setUp({ nodes: { fetch: async () => given }, records });
    await pulled(barred, make.pod());
    for (const { pulls } of [none, always, barred]) assert.deepEqual(pulls, ['app:1']);
  });

  test('where node and registry fail, both reasons are told', async () => {
    const nodes = { fetch: () => Promise.reject(new Error('node "n1" did not give it: it is away')) };
    const fixture = setUp({ nodes, pull: () => Promise.reject(new RuntimeError('failed', 'no such host')) });
    const state = await pulled(fixture, make.pod());
    assert.ok(state.kind === 'failed' && state.reason === 'ErrImagePull', JSON.stringify(state));
    const words = 'no such host (node "n1" did not give it: it is away)';
    assert.deepEqual(fixture.events.slice(1, 2), [`Failed: Failed to pull image "app:1": ${words}`]);
  });

  test('a failure is named as the registry or the runtime names it', async () => {
    const rows = [
      ['not found', 'ErrImagePull', 'not found'],
      [
        'RegistryUnavailable: no route',
        'RegistryUnavailable',
        'image pull failed for app:1 because the registry is unavailable: no route',
      ],
      [
        'SignatureValidationFailed',
        'SignatureValidationFailed',
        'image pull failed for app:1 because the signature validation failed',
      ],
    ] as const;
    for (const [words, reason, message] of rows) {
      const fixture = setUp({ pull: () => Promise.reject(new RuntimeError('failed', words)) });
      const state = await pulled(fixture, make.pod());
      assert.ok(state.kind === 'failed' && state.reason === reason && state.message === message, words);
      assert.equal(state.retryAtMs, state.failedAtMs + 10_000);
      assert.deepEqual(fixture.events.slice(1), [
        `Failed: Failed to pull image "app:1": ${words}`,
        `Failed: Error: ${reason}`,
      ]);
    }
  });
});

describe('image volumes', () => {
  const pod = make.pod({
    volumes: [
      { name: 'data', image: { reference: 'data:1' } },
      { name: 'idle', image: { reference: 'idle:1' } },
    ],
  });
  const mounting = container('app', { volumeMounts: [{ name: 'data', mountPath: '/data' }] });

  test('a container waits for the images that it mounts, and for no other', async () => {
    const mounts: ImageVolume[] = [];
    const fixture = setUp({ present: ['app:1'], mount: async (volume) => void mounts.push(volume) });
    assert.equal(await fixture.keeper.find(pod, mounting, fixture.event, 7), undefined);
    const pulling = fixture.keeper.pull(pod, mounting, fixture.event, () => 10_000);
    await fixture.clock.advance(60_000);
    assert.deepEqual(await pulling, { kind: 'present', imageId: 'id-of-app:1' });
    assert.deepEqual(fixture.pulls, ['data:1']);
    assert.deepEqual(mounts, [{ uid: 'u-1', name: 'data', imageId: 'id-of-data:1' }]);
    assert.deepEqual(await fixture.keeper.find(pod, container('app'), fixture.event, 7), {
      kind: 'present',
      imageId: 'id-of-app:1',
    });
    assert.equal(mounts.length, 1);
  });

  test('what fails is told with the image that it was', async () => {
    const failing = setUp({ present: ['app:1'], pull: () => Promise.reject(new RuntimeError('failed', 'gone')) });
    const pulling = failing.keeper.pull(pod, mounting, failing.event, () => 10_000);
    await failing.clock.advance(60_000);
    const state = await pulling;
    assert.ok(state.kind === 'failed' && state.image === 'data:1' && state.reason === 'ErrImagePull');
    const present = ['app:1', 'data:1'];
    const stuck = setUp({ present, mount: () => Promise.reject(new Error('no space')) });
    const found = await stuck.keeper.find(pod, mounting, stuck.event, 7);
    assert.ok(found?.kind === 'failed' && found.reason === 'CreateContainerError' && found.message === 'no space');
    assert.ok(stuck.events.includes('FailedMount: no space'));
  });
});

test('durations are written as Go writes them', () => {
  const rows = [
    [0, '0s'],
    [0.4, '0s'],
    [850, '850ms'],
    [1234, '1.234s'],
    [60_000, '1m0s'],
    [62_500, '1m2.5s'],
    [3_725_000, '1h2m5s'],
  ] as const;
  for (const [ms, text] of rows) assert.equal(formatDuration(ms), text);
});
