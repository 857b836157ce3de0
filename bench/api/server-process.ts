/**
 * The server under measurement, in a process of its own: `startCluster()` with SQLite and no nodes, told by messages. Started by
 * `processes.ts`; argument: the folder for its state.
 */
import process from 'node:process';
import { startCluster } from '../../src/cluster.ts';
import { homeOf } from '../../src/home.ts';
import { collectGarbage } from '../memory.ts';

const cluster = await startCluster({ home: homeOf(process.argv[2] ?? ''), nodes: { kind: 'none', name: 'bench' } });

process.on('message', (message: 'memory' | 'close') => {
  if (message === 'memory') {
    // The second one gives back the pages that the first one emptied.
    collectGarbage();
    collectGarbage();
    process.send?.({ residentBytes: process.memoryUsage.rss() });
    return;
  }
  void cluster.close().then(() => process.disconnect?.());
});
// The parent is gone: nobody will ask again.
process.on('disconnect', () => process.exit());
process.send?.({ kubeconfig: cluster.kubeconfig });
