/**
 * Where containerd's shims listen: outside its own folders, in one that all containerds of the machine share. A shim that is killed leaves its
 * socket there, and containerd forgets it; who removes a sandbox removes that, too. The name is made of whose shim it is, so that nobody
 * else's can be meant.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';

const folder = '/run/containerd/s';

/** @param address of containerd's own socket, as it stands in its configuration */
export function shimSocket(address: string, namespace: string, sandboxId: string): string {
  const name = createHash('sha256')
    .update(path.join(address, namespace, sandboxId))
    .digest('hex');
  return path.join(folder, name);
}

/** Once the sandbox is removed, and its shim with it. Idempotent. */
export async function removeShimSocket(address: string, namespace: string, sandboxId: string): Promise<void> {
  await rm(shimSocket(address, namespace, sandboxId), { force: true });
}
