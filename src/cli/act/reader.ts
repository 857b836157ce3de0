/** For commands that print for as long as somebody reads: `naru logs -f web | grep -m1 ready` ends when grep does. */
import process from 'node:process';

/** Where standard output breaks, the command is over, and well. What runs in the cluster does not depend on it. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
}
