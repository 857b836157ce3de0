import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameImages } from './name-images.ts';

const names = new Map([['shop/web:1', 'shop/web:1-abc']]);

test('containers get the image by its content, wherever an object has them', () => {
  const pod = (image: string) => ({
    initContainers: [{ name: 'a', image }],
    containers: [{ name: 'b', image: 'other' }],
  });
  const object = (image: string) => ({
    kind: 'CronJob',
    spec: { jobTemplate: { spec: { template: { spec: pod(image) } } } },
  });
  assert.deepEqual(nameImages(object('docker.io/shop/web:1'), names), object('shop/web:1-abc'));
});

test('what names no such image is the same object, odd ones too', () => {
  for (const object of [
    { kind: 'ConfigMap', data: { image: 'shop/web:1', containers: 'x' } },
    { kind: 'Pod', spec: { containers: [{ name: 'a', image: 'Not A Reference' }, { name: 'b' }, null] } },
    { kind: 'Pod', spec: { containers: { image: 7 } } },
  ]) {
    assert.equal(nameImages(object, names), object);
  }
});
