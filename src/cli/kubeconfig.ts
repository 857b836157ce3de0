/** `naru kubeconfig`: hands the administrator's kubeconfig to a shell or a file. */
import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import type { Home } from '../home.ts';
import { UserError } from './user-error.ts';

export function printKubeconfig(home: Home, options: { path?: boolean }): void {
  if (!existsSync(home.kubeconfig)) {
    throw new UserError(`there is no cluster in ${home.root}; start one with: naru up`);
  }
  process.stdout.write(options.path ? `${home.kubeconfig}\n` : readFileSync(home.kubeconfig, 'utf8'));
}
