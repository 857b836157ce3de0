import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  localImageIn,
  localImagePath,
  localImagesOf,
  offersOf,
  sharedImageIn,
  sharedImagePath,
} from './shared-images.ts';

const id = `sha256:${'a'.repeat(64)}`;

test('a name comes through both paths as it is', () => {
  const name = 'r.example:5000/shop/web:1';
  assert.equal(sharedImageIn(sharedImagePath(name)), name);
  assert.equal(sharedImagePath(name, 'n 1'), `${sharedImagePath(name)}?node=n%201`);
  assert.equal(localImageIn(localImagePath(name, id).split('?')[0] ?? ''), name);
  for (const path of ['/naru/images/', '/naru/images/%', '/naru/agent/x', '/localImages/'])
    assert.equal(sharedImageIn(path), undefined, path);
});

test('what others wrote in the annotation, or answered, is read with care', () => {
  const images = (text: string) => localImagesOf({ metadata: { annotations: { 'naru.io/local-images': text } } });
  const good = { name: 'a:1', id, importedAtMs: 1 };
  const values = [good, null, 7, { ...good, id: 'sha256:short' }, { ...good, name: '' }, { name: 'a:1', id }];
  assert.deepEqual(images(JSON.stringify(values)), [good]);
  for (const text of ['', '{', '{}', 'null', '"x"']) assert.deepEqual(images(text), [], text);
  assert.deepEqual(localImagesOf({}), []);
  assert.deepEqual(
    offersOf({
      offers: [
        { node: 'n1', id },
        { node: 1, id },
        { node: 'n2', id: '../x' },
      ],
    }),
    [{ node: 'n1', id }],
  );
  for (const value of [undefined, null, {}, { offers: 'x' }]) assert.deepEqual(offersOf(value), []);
});
