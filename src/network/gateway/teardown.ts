/** What `naru down` ends of the gateway: HAProxy, whoever started it. Its files are in the home. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { tearDownHaproxy } from './haproxy/process.ts';

/** Of the folder of the network. */
export function gatewayFolder(networkFolder: string): string {
  return path.join(networkFolder, 'gateway');
}

export async function tearDownGateway(home: {
  readonly folder: string;
  readonly clock: Clock;
}): Promise<readonly string[]> {
  const folder = gatewayFolder(home.folder);
  if (!existsSync(folder)) return [];
  return (await tearDownHaproxy(folder, home.clock)) ? ['HAProxy'] : [];
}
