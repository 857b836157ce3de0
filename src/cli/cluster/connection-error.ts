/** Why a cluster could not be asked, as sentences that say what to do. Loaded only when something went wrong. */
import { existsSync } from 'node:fs';
import type { ClientConfig } from '../../client/kubeconfig.ts';
import type { Home } from '../../home.ts';
import { UserError } from '../user-error.ts';

/** A kubeconfig that cannot be read. */
export function explainKubeconfig(error: unknown, file: string, home: Home): UserError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' && file === home.kubeconfig) {
    return new UserError(
      `no cluster found: none was started from ${home.root}, and neither $KUBECONFIG nor ~/.kube/config names one; start one with: naru up`,
    );
  }
  if (code === 'ENOENT') return new UserError(`there is no kubeconfig ${file}`);
  if (code === 'EACCES') {
    return new UserError(`the kubeconfig ${file} is not yours to read; run the command with sudo, or have a copy made`);
  }
  return new UserError(error instanceof Error ? error.message : String(error));
}

/** A failure on the way. What the server itself answered stays as it is: its words are for the user. */
export function explainConnection(error: unknown, home: Home, config: ClientConfig): unknown {
  const cause = rootCause(error);
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ECONNREFUSED') {
    const ours = existsSync(home.kubeconfig) ? '; if it is this machine’s: naru up' : '';
    return new UserError(`nobody answers at ${config.server}: the cluster does not run, or listens elsewhere${ours}`);
  }
  return error;
}

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return cause;
}
