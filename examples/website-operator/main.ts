/**
 * The operator as a program.
 *
 *   node main.ts            runs it, against the cluster of $KUBECONFIG or of the pod that it is in
 *   node main.ts manifests  prints what it needs in the cluster, for `kubectl apply --server-side -f -`
 */
import process from 'node:process';
import { runOperator } from 'naru/operator';
import { manifests } from './manifests.ts';
import { websiteOperator } from './operator.ts';

const namespace = process.env['POD_NAMESPACE'] ?? 'default';
if (process.argv[2] === 'manifests') process.stdout.write(manifests(namespace));
else await runOperator(websiteOperator(namespace));
