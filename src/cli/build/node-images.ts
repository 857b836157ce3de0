/** The images of this machine's node, for what is built: `src/build/` knows only the interface. */
import { importIntoRunning } from '../../agent/containerd/import-archive.ts';
import type { ImageStore } from '../../build/image-store.ts';
import type { Home } from '../../home.ts';
import { normalizeImageName } from '../../images/reference.ts';
import { RealClock } from '../../lib/clock.ts';
import { findRunning } from '../background.ts';
import { mustRunContainers, withRuntime } from '../image.ts';
import { findAgent } from '../running-agent.ts';

/** @throws UserError where no node runs from this home. Simulated nodes take any image name. */
export function nodeImages(home: Home): ImageStore {
  const running = findRunning(home);
  if (running !== undefined && running.simulatedNodes > 0 && findAgent(home) === undefined) return simulatedImages;
  mustRunContainers(home);
  const clock = new RealClock({ keepsAlive: true });
  return {
    has: (name) =>
      withRuntime(home, async (runtime) => (await runtime.imageStatus(normalizeImageName(name))) !== undefined),
    add: (archive, alsoNamed) => importIntoRunning(home, clock, archive, alsoNamed),
  };
}

const simulatedImages: ImageStore = { has: async () => true, add: async () => [] };
