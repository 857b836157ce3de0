import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { makePod } from '../testing.ts';
import { extendedWishes } from './extended-resources.ts';
import { makeClass } from './testing.ts';

const resource = 'example.com/gpu';

function container(name: string, count: number, more: Partial<Container> = {}): Container {
  const requests = { cpu: '1', ...(count > 0 && { [resource]: String(count) }) };
  return { name, image: 'image', resources: { requests }, ...more };
}

/** `request=count` for each request, then `container>request` for each mapping. */
function wishes(containers: readonly Container[], initContainers: readonly Container[] = []): string[] {
  const pod: Pod = makePod('pod', { spec: { containers, initContainers } });
  const { requests, mappings } = extendedWishes(pod, new Map([[resource, makeClass('gpu')]]));
  const short = (name: string): string => name.replace('container-', '').replace('-request-1', '');
  return [
    ...requests.map(({ name, exactly }) => `${short(name)}=${exactly?.count}`),
    ...mappings.map(({ containerName, requestName }) => `${containerName}>${short(requestName)}`),
  ];
}

test('each container has devices of its own', () => {
  assert.deepEqual(wishes([container('a', 2), container('b', 0), container('c', 1)]), ['0=2', '2=1', 'a>0', 'c>2']);
});

test('an init container uses what those after it will have, and only what is missing is asked for', () => {
  assert.deepEqual(wishes([container('a', 2)], [container('i', 1)]), ['1=2', 'a>1', 'i>1']);
  assert.deepEqual(wishes([container('a', 1)], [container('i', 3)]), ['0=2', '1=1', 'a>1', 'i>1', 'i>0']);
});

test('of what init containers lack, the largest is enough for all', () => {
  assert.deepEqual(wishes([container('a', 0)], [container('i', 1), container('j', 3)]), ['1=3', 'i>1', 'j>1']);
});

test('a sidecar keeps its devices, and lends them to init containers before it alone', () => {
  const sidecar = container('s', 1, { restartPolicy: 'Always' });
  assert.deepEqual(wishes([container('a', 0)], [container('i', 1), sidecar, container('j', 1)]), [
    '1=1',
    '2=1',
    's>1',
    'i>1',
    'j>2',
  ]);
});
