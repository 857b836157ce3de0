/**
 * The steps of upstream's conformance and node-conformance tests of [sig-node] (`test/e2e/common/node`, `test/e2e/node`), on real containers, under
 * upstream's own names as far as they are one test there. Only waiting is shorter: a crash loop waits a second at most, and servers fail sooner.
 *
 * Elsewhere stand: what is seen at the API alone (`test/clients/conformance`); commands and arguments, ConfigMaps, Secrets, volumes (`pods`,
 * `volumes`); restart policies, signals, deadlines, memory (`pod-lives`, `pod-endings`); images (`images`); capabilities, seccomp, AppArmor,
 * runtime classes, mirror pods (`security`); resizing (`resources`); exec, attach, port-forward (`streaming`).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe } from 'node:test';
import { leftSince, machineState, TestCluster } from '../harness.ts';
import { changeTests } from './conformance-node/changes.ts';
import { hookTests } from './conformance-node/hooks.ts';
import { identityTests } from './conformance-node/identity.ts';
import { inputTests } from './conformance-node/inputs.ts';
import { NodeLab } from './conformance-node/lab.ts';
import { probeTests } from './conformance-node/probes.ts';
import { runTests } from './conformance-node/runs.ts';

const kubeletConfiguration = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
crashLoopBackOff: { maxContainerRestartPeriod: 1s }
`;

describe('conformance: the node', { timeout: 600_000, concurrency: 12 }, () => {
  let lab: NodeLab | undefined;
  let before_: readonly string[];
  let files: string;

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-conformance-'));
    const file = path.join(files, 'kubelet.yaml');
    writeFileSync(file, kubeletConfiguration);
    lab = await NodeLab.up('--kubelet-config', file);
  });

  after(async () => {
    lab?.close();
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const getLab = (): NodeLab => {
    assert.ok(lab !== undefined, 'the cluster is up');
    return lab;
  };

  // What waits longest begins first.
  probeTests(getLab);
  hookTests(getLab);
  changeTests(getLab);
  runTests(getLab);
  inputTests(getLab);
  identityTests(getLab);
});
