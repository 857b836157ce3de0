import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRecipes, readRecipes } from './application-file.ts';

const head = 'apiVersion: naru.io/v1\nkind: Application\n';
const parse = (text: string) => parseRecipes(head + text, '/home/me/shop');

test('naru.yaml says which images there are and how each is made', () => {
  const text = `
images:
  - {name: shop/web:1, build: web}
  - {name: old:1, build: ./old, dockerfile: Dockerfile.prod, target: run, arguments: {VERSION: 3}}
  - name: redis:7
    debian: {packages: [redis-server], without: [perl*], user: redis, entrypoint: [/usr/bin/redis-server], env: {A: "1"}, folders: [/data]}
`;
  assert.deepEqual(parse(text), [
    { name: 'shop/web:1', context: '/home/me/shop/web' },
    {
      name: 'old:1',
      context: '/home/me/shop/old',
      dockerfile: 'Dockerfile.prod',
      target: 'run',
      arguments: { VERSION: '3' },
    },
    {
      name: 'redis:7',
      context: '/home/me/shop',
      debian: {
        packages: ['redis-server'],
        entrypoint: ['/usr/bin/redis-server'],
        without: ['perl*'],
        folders: ['/data'],
        user: 'redis',
        env: { A: '1' },
      },
    },
  ]);
  assert.deepEqual(parse(''), []);
});

test('what is wrong in it is told with its place', () => {
  for (const [text, reason] of [
    ['images: {}', /images must be a list/],
    ['image: []', /image is not known; there are apiVersion, kind, images/],
    ['images: [x]', /images\[0\] must be a mapping/],
    ['images: [{build: web}]', /images\[0\] needs a name/],
    ['images: [{name: a}]', /needs either build \(a folder\) or debian/],
    ['images: [{name: a/B, build: web}]', /lowercase/],
    ['images: [{name: a, build: ../web}]', /images\[0\].build leads out of the folder/],
    ['images: [{name: a, build: web, port: 1}]', /images\[0\].port is not known/],
    ['images: [{name: a, debian: {}}]', /images\[0\].debian needs packages/],
    ['images: [{name: a, debian: {packages: ["-o x"]}}]', /"-o x" is not the name of a package/],
    ['images: [{name: a, debian: {packages: [x1], without: [".*("]}}]', /not the name of a package/],
    ['images: [{name: a, build: x}, {name: "docker.io/library/a:latest", build: z}]', /twice/],
    ['images: [{name: a, build: [x]}]', /images\[0\].build must be a text/],
  ] as const) {
    assert.throws(() => parse(text), reason, text);
  }
  assert.throws(() => parseRecipes('kind: Pod', '/x'), /must begin with apiVersion: naru.io\/v1/);
});

test('a folder without the file has no recipes', async () => {
  assert.deepEqual(await readRecipes('/nonexistent'), []);
});
