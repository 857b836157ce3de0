/** What one does next: with a cluster that has nothing in it yet, and with an application that runs. */
import type { Home } from '../../home.ts';

export function sayNext(home: Home): void {
  console.log(`
Next:
  naru up PATH                   an application: a folder of manifests, a kustomization, a compose.yaml
  naru status                    how the cluster and everything in it is
  naru get pods -A               what runs; naru logs, exec, describe, why go on from there
  naru token create              a line with which another machine joins
With kubectl: export KUBECONFIG=${home.kubeconfig}
Without a registry at hand: naru build FOLDER, naru image import FILE. To stop it: naru down.`);
}

export function sayAfter(namespace: string): void {
  const flag = namespace === 'default' ? '' : ` -n ${namespace}`;
  console.log(`
Next:
  naru get all${flag}        what runs
  naru logs${flag} deploy/NAME -f
  naru why${flag}            when something does not work; naru status for the whole
  naru up PATH again, whenever its files have changed`);
}
