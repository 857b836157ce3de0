/** A cluster for conformance steps: one connection as its administrator, and a new namespace for whoever asks. */
import { type Connection, eventually, TestCluster } from '../../harness.ts';
import { typed } from './client.ts';
import { Wire } from './wire.ts';

export class ConformanceCluster {
  readonly connection: Connection;
  readonly wire: Wire;
  #namespaces = 0;

  private constructor(connection: Connection) {
    this.connection = connection;
    this.wire = new Wire(connection);
  }

  static async up(nodes = 2): Promise<ConformanceCluster> {
    const cluster = await TestCluster.up('--simulated-nodes', String(nodes));
    return new ConformanceCluster(cluster.connection);
  }

  /** For `after`. */
  async close(): Promise<void> {
    this.wire.close();
    await TestCluster.closeAll();
  }

  /** As upstream's framework makes one for each test: with its default service account there. */
  async namespace(base: string): Promise<string> {
    const name = `${base}-${++this.#namespaces}`;
    await typed(this.wire, 'v1', 'Namespace').create({
      metadata: { name, labels: { 'e2e-framework': base, 'e2e-run': 'naru' } },
    });
    const accounts = typed(this.wire, 'v1', 'ServiceAccount', name);
    await eventually(`the default service account of ${name}`, async () => !(await accounts.isGone('default')));
    return name;
  }
}
