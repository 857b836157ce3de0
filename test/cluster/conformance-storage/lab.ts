/** The one cluster that all tests of volumes share; opened before the first. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { leftSince, machineState, TestCluster } from '../../harness.ts';
import { PodWatch, statusOf } from '../workload.ts';

export class StorageLab {
  cluster!: TestCluster;
  watch!: PodWatch;
  /** A folder of the machine, for what pods mount from it. */
  host = '';
  #before: readonly string[] = [];

  async open(): Promise<void> {
    this.#before = await machineState();
    this.host = mkdtempSync(path.join(os.tmpdir(), 'naru-conformance-'));
    this.cluster = await TestCluster.up();
    this.watch = new PodWatch(this.cluster);
    await this.cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
  }

  async close(): Promise<void> {
    this.watch?.close();
    await TestCluster.closeAll();
    rmSync(this.host, { recursive: true, force: true });
    assert.deepEqual(await leftSince(this.#before), [], 'naru down leaves nothing behind on the machine');
  }

  /** What the pod's first container said. */
  said(pod: Pod): string[] {
    return (statusOf(pod, 'app')?.state?.terminated?.message ?? '').trimEnd().split('\n');
  }
}
