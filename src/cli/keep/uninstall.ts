/**
 * `naru uninstall`: `naru down --all`, after saying what is lost, and what was added elsewhere: the service of systemd, and entries in
 * `~/.kube/config`. Debian's packages and naru's own folder were others' doing, or may be others' by now: they are told, and stay.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Home } from '../../home.ts';
import { down } from '../down.ts';
import { launcherFile } from '../launcher.ts';
import { nodePrograms } from '../system-packages.ts';
import { canAsk, confirm } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';
import { volumesOf } from './backup.ts';
import { unmerge } from './kubeconfig.ts';

export async function uninstall(home: Home, { yes }: { readonly yes?: boolean }): Promise<void> {
  const isThere = existsSync(home.root);
  if (isThere && !yes) await ask(home);
  // Its authority tells which entries are this cluster's; afterwards nobody knows it any more.
  const forgotten = isThere ? await unmerge(home) : undefined;
  await down(home, { all: true });
  if (forgotten !== undefined) console.log(`Took this cluster out of ${forgotten}.`);
  const packages = [...new Set(nodePrograms.map(({ debianPackage }) => debianPackage))];
  console.log(`
Left as they are, since others may use them:
  Debian's packages   apt-get remove ${packages.join(' ')}
  naru itself         ${path.dirname(launcherFile)}`);
}

async function ask(home: Home): Promise<void> {
  const volumes = volumesOf(home).length;
  const data = volumes > 0 ? `, and the data in ${volumes} volumes` : '';
  const lost = `all of ${home.root}: the cluster's objects, images and certificates${data}`;
  if (!canAsk())
    throw new UserError(`this removes ${lost}; to do so: naru uninstall --yes (naru backup saves the objects)`);
  console.log(`This removes ${lost}.`);
  await confirm('Remove it for good?', 'nothing was removed', 'no');
}
