/** An inquiry over a connection: what the commands that explain begin with. */
import { ClusterLook } from '../../explain/cluster-look.ts';
import type { Connection } from '../cluster/connection.ts';
import { ResourceFinder } from '../cluster/resource-finder.ts';

export interface ClusterView {
  readonly look: ClusterLook;
  readonly finder: ResourceFinder;
}

export function viewOf({ client, clock }: Connection): ClusterView {
  const finder = new ResourceFinder(client);
  const look = new ClusterLook({
    client,
    nowMs: clock.now(),
    resources: () => finder.all(),
    read: async (path) => (await client.request({ path, accept: '*/*' })).body.toString(),
  });
  return { look, finder };
}
