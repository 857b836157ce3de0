import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { configMaps } from '../client/resources.ts';
import { allow, BadReview, conversion, deny, mutating, validating } from './webhooks.ts';

const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { x: '1' } };

const review = (more: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u',
    operation: 'CREATE',
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    object: structuredClone(object),
    ...more,
  },
});

describe('webhooks as functions', () => {
  test('a verdict becomes a response with the uid of the review', async () => {
    const webhook = validating(configMaps, (write) =>
      write.object?.data?.['x'] === '1' ? deny('no', 422) : allow('old'),
    );
    assert.deepEqual(await webhook.answer(review()), {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u', allowed: false, status: { code: 422, message: 'no' } },
    });
    const { response } = (await webhook.answer(review({ operation: 'DELETE', object: null }))) as { response: object };
    assert.deepEqual(response, { uid: 'u', allowed: true, warnings: ['old'] });
  });

  test('a changed object becomes a patch, an equal one none', async () => {
    const webhook = mutating(configMaps, (write) => ({ ...write.object, data: { x: '2' } }));
    const { response } = (await webhook.answer(review())) as { response: { patch: string } };
    assert.deepEqual(JSON.parse(atob(response.patch)), [{ op: 'replace', path: '/data/x', value: '2' }]);
    const idle = mutating(configMaps, (write) => write.object);
    assert.deepEqual(await idle.answer(review()), {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u', allowed: true },
    });
  });

  test('an object that is changed in place is an error, and not a change that is lost', async () => {
    const webhook = mutating(configMaps, (write) => {
      (write.object.data as Record<string, string>)['x'] = '2';
      return write.object;
    });
    await assert.rejects(webhook.answer(review()), TypeError);
  });

  test('reviews of another kind or version are refused with what the configuration must say', async () => {
    const webhook = validating(configMaps, () => allow());
    const resource = { group: '', version: 'v1', resource: 'secrets' };
    await assert.rejects(webhook.answer(review({ resource })), /reviews configmaps of \/v1/);
    await assert.rejects(webhook.answer({}), BadReview);
  });

  test('one object that cannot be converted fails the whole request, with its message', async () => {
    const webhook = conversion('/convert', (each, version) => {
      if (each.metadata?.name === 'bad') throw new Error('no way');
      return { ...each, to: version } as never;
    });
    const ask = (names: readonly string[]) =>
      webhook.answer({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'ConversionReview',
        request: {
          uid: 'u',
          desiredAPIVersion: 'example.com/v2',
          objects: names.map((name) => ({ apiVersion: 'example.com/v1', metadata: { name } })),
        },
      }) as Promise<{ response: object }>;
    assert.deepEqual((await ask(['a'])).response, {
      uid: 'u',
      convertedObjects: [{ apiVersion: 'example.com/v2', metadata: { name: 'a' }, to: 'v2' }],
      result: { status: 'Success' },
    });
    assert.deepEqual((await ask(['a', 'bad'])).response, {
      uid: 'u',
      result: { status: 'Failure', message: 'no way' },
    });
  });
});
