/**
 * What people run, as they run it: nginx, redis, PostgreSQL and a Node.js application, in images packed of Debian's packages, on one
 * cluster, by kubectl. Each shows what its kind of workload asks of a node; all of them run at once, as they do on a node, and then naru itself
 * crashes under them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe } from 'node:test';
import type { NodeList } from '../../src/api/schema/types/core-v1.ts';
import { freePort, leftSince, machineState, TestCluster } from '../harness.ts';
import { create, PodWatch } from './workload.ts';
import { crashTests, withNewWatch } from './workloads/crash.ts';
import { debianArchive } from './workloads/debian-image.ts';
import { nginxImage, postgresImage, redisImage, webImage } from './workloads/images.ts';
import { diskStorageClass, type Lab } from './workloads/lab.ts';
import { nginxTests } from './workloads/nginx.ts';
import { postgresTests } from './workloads/postgres.ts';
import { redisTests } from './workloads/redis.ts';
import { webTests } from './workloads/web.ts';

describe('workloads of every day', { timeout: 900_000, concurrency: 1 }, () => {
  let lab: Lab;
  let port: string;
  let before_: readonly string[];
  let files: string;

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-workloads-'));
    const archives: string[] = [];
    for (const image of [nginxImage, redisImage, postgresImage, webImage]) archives.push(await debianArchive(image));
    const cluster = await TestCluster.create();
    port = String(await freePort());
    await cluster.mustNaru('up', '--port', port, '--wait');
    lab = { cluster, watch: new PodWatch(cluster), disks: path.join(files, 'disks'), nodeName: '' };
    mkdirSync(lab.disks);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await cluster.mustNaru('image', 'import', ...archives);
    await cluster.mustNaru('image', 'import', archives[0] ?? '', '--name', 'test/nginx:2');
    const { items } = await cluster.json<NodeList>('get', 'nodes');
    lab = { ...lab, nodeName: items[0]?.metadata?.name ?? '' };
    await create(cluster, diskStorageClass);
  });

  after(async () => {
    lab?.watch.close();
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  describe('side by side', { concurrency: 4 }, () => {
    describe('nginx, a Deployment', { concurrency: 1 }, () => nginxTests(() => lab));
    describe('redis, a StatefulSet', { concurrency: 1 }, () => redisTests(() => lab));
    describe('PostgreSQL, a StatefulSet', { concurrency: 1 }, () => postgresTests(() => lab));
    describe('a Node.js application, a Deployment', { concurrency: 1 }, () => webTests(() => lab));
  });

  describe('after that', { concurrency: 1 }, () =>
    crashTests(
      () => lab,
      async () => {
        await lab.cluster.mustNaru('up', '--port', port, '--wait');
        lab = withNewWatch(lab);
      },
    ),
  );
});
