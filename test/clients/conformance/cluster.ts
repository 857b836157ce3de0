/** A cluster for conformance steps: one connection as its administrator, and a new namespace for whoever asks. */
import { type CommandOptions, type CommandResult, type Connection, eventually, TestCluster } from '../../harness.ts';
import { typed } from './client.ts';
import { Wire } from './wire.ts';

export class ConformanceCluster {
  readonly connection: Connection;
  readonly wire: Wire;
  readonly #cluster: TestCluster;
  #namespaces = 0;

  private constructor(cluster: TestCluster) {
    this.#cluster = cluster;
    this.connection = cluster.connection;
    this.wire = new Wire(this.connection);
  }

  static async up(nodes = 2): Promise<ConformanceCluster> {
    return new ConformanceCluster(await TestCluster.up('--simulated-nodes', String(nodes)));
  }

  /** For `after`. */
  async close(): Promise<void> {
    this.wire.close();
    await TestCluster.closeAll();
  }

  /** The real one, 1.36; never rejects for an exit code. */
  kubectl(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.#cluster.kubectl(args, options);
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
