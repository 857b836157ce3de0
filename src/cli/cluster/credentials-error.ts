/** Who asks, and may they: what a 401 and a 403 mean for the person at the terminal. Pure. */
import { X509Certificate } from 'node:crypto';
import type { Circumstances } from './connection-error.ts';

const fetchAgain = "fetch the kubeconfig again from the cluster's machine: naru kubeconfig";

/** What is wrong with the credentials that were shown, as far as they themselves tell. */
export function certificateState({ config, nowMs }: Circumstances): string {
  const { clientCertificate, token, tokenFile } = config;
  if (clientCertificate !== undefined) {
    const dates = datesOf(clientCertificate);
    if (dates === undefined) return 'the client certificate in the kubeconfig cannot be read';
    const [fromMs, toMs] = dates;
    if (nowMs > toMs) return `your certificate ended on ${dayText(toMs)}; ${fetchAgain}`;
    if (nowMs < fromMs) {
      return `your certificate begins on ${timeText(fromMs)}, and this machine's clock shows ${timeText(nowMs)}: set the clock`;
    }
    return `your certificate is good until ${dayText(toMs)} by this machine's clock (${timeText(nowMs)}), but this cluster did not make it, or its clock is another; ${fetchAgain}`;
  }
  if (token !== undefined || tokenFile !== undefined) {
    return 'your token has ended, was taken back, or is of another cluster; get a new one';
  }
  return 'the kubeconfig names neither a client certificate nor a token for this context';
}

function datesOf(pem: string): readonly [number, number] | undefined {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    return [Date.parse(validFrom), Date.parse(validTo)];
  } catch {
    return undefined;
  }
}

const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
const dayText = (ms: number): string => timeText(ms).slice(0, 10);

/** As the API words what roles do not allow; other refusals say themselves what is the matter. */
const denial =
  /User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)"| at the cluster scope)/;

/** The default roles, the least first, and what each of them allows within a namespace. */
const roles: readonly { readonly name: string; readonly allows: (request: Denied) => boolean }[] = [
  {
    name: 'view',
    allows: ({ verb, resource, group }) =>
      builtIn.has(group) && reads.has(verb) && !kept.has(resource) && !isRbac(resource) && !acts.has(resource),
  },
  {
    name: 'edit',
    allows: ({ resource, group }) => !isRbac(resource) && resource !== 'resourcequotas' && builtIn.has(group),
  },
  { name: 'admin', allows: ({ group }) => builtIn.has(group) },
];

const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const kept: ReadonlySet<string> = new Set(['secrets']);
const acts: ReadonlySet<string> = new Set([
  'pods/exec',
  'pods/attach',
  'pods/portforward',
  'pods/proxy',
  'services/proxy',
]);
const builtIn: ReadonlySet<string> = new Set([
  '',
  'apps',
  'batch',
  'autoscaling',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
]);
const isRbac = (resource: string): boolean => /^(cluster)?role(binding)?s$/.test(resource);

interface Denied {
  readonly user: string;
  readonly verb: string;
  readonly resource: string;
  readonly group: string;
  /** Undefined: across the cluster. */
  readonly namespace: string | undefined;
}

/** Who may not do what, and which role would allow it; undefined for refusals of another kind. */
export function forbiddenHint(message: string): string | undefined {
  const match = denial.exec(message);
  if (match === null) return pathHint(message);
  const [, user = '', verb = '', resource = '', group = '', namespace] = match;
  const denied: Denied = { user, verb, resource, group, namespace };
  const what = `${resource}${group === '' ? '' : `.${group}`}`;
  const where = namespace === undefined ? 'across the cluster' : `in namespace ${namespace}`;
  return `${user} may not ${verb} ${what} ${where}; ${remedy(denied)}`;
}

const pathDenial = /User "([^"]*)" cannot (\S+) path "([^"]*)"/;

const unknown = 'nobody is signed in: the kubeconfig names no credentials that the server takes';

function pathHint(message: string): string | undefined {
  const match = pathDenial.exec(message);
  if (match === null) return undefined;
  const [, user = '', verb = '', path = ''] = match;
  const remedy =
    user === 'system:anonymous' ? unknown : 'an administrator can give it by a ClusterRole and a ClusterRoleBinding';
  return `${user} may not ${verb} ${path}; ${remedy}`;
}

function remedy(denied: Denied): string {
  const { user, namespace } = denied;
  if (user === 'system:anonymous') return unknown;
  const role = namespace === undefined ? undefined : roles.find(({ allows }) => allows(denied))?.name;
  if (role === undefined)
    return 'an administrator can give it by a ClusterRole and a ClusterRoleBinding (cluster-admin may do all)';
  const subject = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user);
  const who = subject === null ? `--user=${user}` : `--serviceaccount=${subject[1]}:${subject[2]}`;
  const name = `${(subject?.[2] ?? user).replaceAll(/[^a-z0-9.-]/gi, '-').toLowerCase()}-${role}`;
  return `the role ${role} allows it, which an administrator gives: kubectl create rolebinding ${name} --clusterrole=${role} ${who} -n ${namespace}`;
}
