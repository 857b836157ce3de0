/** The image garbage collector on a real containerd: what is used stays, by whatever name, and pods still start afterwards. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { ImageCollector } from '../../src/agent/images/image-collector.ts';
import { noPullRecords } from '../../src/agent/images/pull-records.ts';
import { defaultKubeletConfiguration } from '../../src/agent/kubelet-configuration.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { pauseImageName } from '../../src/images/pause-image.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ContainerdLab, clock, needsContainers, shellImage } from './containerd-lab.ts';

describe('the image garbage collector on containerd', needsContainers, () => {
  test('removes what nothing uses, with all of its names, and neither used images nor the sandbox’s', async (context) => {
    const lab = await ContainerdLab.open(context);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-collected-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const archive = path.join(folder, 'unused.tar');
    await packImage({ name: 'example/unused:1', programs: ['busybox'], env: { A: 'b' }, output: archive });
    await lab.containerd.importImage(archive);
    await lab.containerd.importImage(archive, 'example/other-name:1');
    await lab.pod(['/bin/sh', '-c', 'exit 0']);

    const events: string[] = [];
    const collector = new ImageCollector({
      runtime: lab.runtime,
      policy: defaultKubeletConfiguration,
      records: noPullRecords,
      mounted: async () => new Set(),
      sandboxImages: [pauseImageName],
      event: (reason) => void events.push(reason),
      // As full as can be: all that may go goes.
      disk: async () => ({ capacityBytes: 1e9, availableBytes: 0 }),
      clock,
      log: silentLogger,
    });
    const names = async () => (await lab.runtime.images()).flatMap(({ tags }) => tags).toSorted();
    assert.deepEqual(await names(), [
      'docker.io/example/other-name:1',
      'docker.io/example/unused:1',
      shellImage,
      pauseImageName,
    ]);
    await assert.rejects(
      collector.collect(),
      /Attempted to free 200000000 bytes, but only found [1-9]\d+ bytes eligible/,
    );
    assert.deepEqual(await names(), [shellImage, pauseImageName]);
    assert.deepEqual(events, ['FreeDiskSpaceFailed']);
    await lab.pod(['/bin/sh', '-c', 'exit 0']);
  });
});
