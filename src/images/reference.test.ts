import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidReference, normalizeImageName, parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test('names are completed as Docker completes them', () => {
  const cases: [string, string][] = [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx', 'docker.io/library/nginx:latest'],
    ['localhost/x', 'localhost/x:latest'],
    ['localhost:5000/a/b:c', 'localhost:5000/a/b:c'],
    ['registry.example.com/x', 'registry.example.com/x:latest'],
    ['[::1]:5000/x', '[::1]:5000/x:latest'],
    ['MyHost/x', 'MyHost/x:latest'],
    ['ghcr.io/a__b/c-d.e:V1_x', 'ghcr.io/a__b/c-d.e:V1_x'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
    [`nginx:1@${digest}`, `docker.io/library/nginx:1@${digest}`],
    ['localhost', 'docker.io/library/localhost:latest'],
  ];
  for (const [text, expected] of cases) assert.equal(normalizeImageName(text), expected);
});

test('the parts can be had one by one', () => {
  const { registry, repository, tag, digest: found } = parseReference(`r.io:443/a/b:c@${digest}`);
  assert.deepEqual(
    { registry, repository, tag, found },
    { registry: 'r.io:443', repository: 'a/b', tag: 'c', found: digest },
  );
});

test('what is no reference is refused with the reason', () => {
  const cases: [string, RegExp][] = [
    ['', /names no repository/],
    ['Nginx', /must be lowercase/],
    ['a//b', /invalid reference format/],
    ['a/', /invalid reference format/],
    ['-x', /invalid reference format/],
    ['x:', /invalid reference format/],
    ['a b', /invalid reference format/],
    ['x:bad/tag!', /invalid reference format|host name/],
    ['x@sha256:abc', /invalid reference format|digest/],
    [`x@sha256:${'A'.repeat(64)}`, /sha256 digest has 64 digits/],
    ['a'.repeat(64), /image id/],
    [`${'a/'.repeat(130)}b`, /more than 255/],
    ['a_-b', /invalid reference format/],
  ];
  for (const [text, reason] of cases) {
    assert.throws(
      () => parseReference(text),
      (error) => error instanceof InvalidReference && reason.test(error.message),
      text,
    );
  }
});
