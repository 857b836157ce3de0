import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import type { ObjectSource } from '../object-source.ts';
import type { ImageStatus, Runtime } from '../runtime.ts';
import { make } from '../testing.ts';
import { ImageKeeper } from './images.ts';

/** Only what looking for an image needs; anything else would fail. */
function keeper(present: readonly string[], asked: string[] = []): ImageKeeper {
  const runtime = {
    imageStatus: async (image: string) => {
      asked.push(image);
      return present.includes(image) ? ({ id: `id-of-${image}` } as ImageStatus) : undefined;
    },
  } as unknown as Runtime;
  return new ImageKeeper({ runtime, source: {} as ObjectSource, clock: new VirtualClock(), pullsMax: 1 });
}

describe('looking for an image', () => {
  const { container } = make;

  test('a name that is none is told without asking the runtime or a registry', async () => {
    const asked: string[] = [];
    const events: string[] = [];
    const event = (_type: string, reason: string): number => events.push(reason);
    for (const image of ['Example/Bad:1', 'a b', '']) {
      const found = await keeper([], asked).find(container('app', { image, imagePullPolicy: 'Always' }), event, 7);
      assert.ok(found?.kind === 'failed' && found.reason === 'InvalidImageName' && found.retryAtMs === 7, image);
      assert.ok(
        found.message.startsWith(`Failed to apply default image tag "${image}": couldn't parse`),
        found.message,
      );
    }
    assert.deepEqual(asked, []);
    assert.deepEqual(events.slice(0, 2), ['InspectFailed', 'Failed']);
  });

  test('the policy decides whether it must be pulled', async () => {
    const find = (imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never', present: readonly string[]) =>
      keeper(present).find(container('app', { imagePullPolicy }), () => {}, 7);
    const here = { kind: 'present', imageId: 'id-of-app:1' };
    assert.equal(await find('Always', ['app:1']), undefined);
    assert.equal(await find('IfNotPresent', []), undefined);
    assert.deepEqual(await find('IfNotPresent', ['app:1']), here);
    assert.deepEqual(await find('Never', ['app:1']), here);
    const never = await find('Never', []);
    assert.equal(never?.kind === 'failed' && never.reason, 'ErrImageNeverPull');
  });
});
