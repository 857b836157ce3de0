/**
 * Naru's clock and children keep no process alive by themselves. A command that only waits for them (`naru down`) would
 * end in the middle; this keeps it until `work` has settled.
 */
export async function stayAlive<T>(work: () => Promise<T>): Promise<T> {
  const { port1, port2 } = new MessageChannel();
  port1.ref();
  try {
    return await work();
  } finally {
    port1.close();
    port2.close();
  }
}
