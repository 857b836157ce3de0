/**
 * How each command of naru is used wrongly: data for `commands-misuse.test.ts`. A command without an entry fails that test.
 *
 * In a command line blanks divide, and `~` stands for a blank inside a word. The files of `misuseFiles` lie in the folder that it runs in.
 */

/** The words behind the command, what standard error says, and the exit code. */
export type Row = readonly [words: string, says: RegExp, code: number];

export interface Misuse {
  /** Right usage, of something that is not there: for the ways in which a cluster cannot be asked. Absent: the command asks none. */
  readonly right?: string;
  /** What it says, and its exit code, where there is no cluster at all; else the usual sentence. */
  readonly alone?: readonly [says: RegExp, code: number];
  /** What it says to who may do nothing; else that. */
  readonly powerless?: readonly [says: RegExp, code: number];
  /** With the test's cluster. */
  readonly rows?: readonly Row[];
  /** With a NARU_HOME in which nothing is. */
  readonly lonely?: readonly Row[];
}

export const misuseFiles: Readonly<Record<string, string>> = {
  text: 'hi\n',
  'map.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n',
  'broken.yaml': 'a: [\n',
};

const notFound = (resource: string): RegExp => new RegExp(`^naru: ${resource} "none" not found$`, 'm');
const noFile = /nosuch(\.yaml)? cannot be read: there is no such file or folder/;
const noMap = /an object is expected here, not the text "hi"/;
const badTime = /--timeout takes a time such as 30s/;
const noResource = /this cluster has no resource "nosuch" \(naru api-resources lists all\)/;
const noCluster = /no cluster runs from \S+; start it with: naru up/;
const notYet = /the first start makes (it|one): naru up/;
const simulated = /the nodes of this cluster are simulated/;
const nameless = /say what is meant, as TYPE\/NAME or TYPE NAME/;
const cannotWrite = /there is no such file or folder/;
const absentFile = /nosuch.*(ENOENT|does not exist|no such file|cannot be read)/;

const rollout = (extra: readonly Row[] = []): Misuse => ({
  right: 'deploy/none',
  rows: [
    ['deploy/none', notFound('deployments.apps'), 1],
    ['cm/kube-root-ca.crt', /has no rollouts|cannot be paused|no revisions/, 1],
    ['deploy', /say which deploy are meant/, 2],
    ...extra,
  ],
});

const marks: Misuse = {
  right: 'cm/none a=b',
  rows: [
    ['cm/none a=b', notFound('configmaps'), 1],
    ['cm/none', /say what to change: KEY=VALUE/, 2],
    ['a=b', nameless, 2],
    ['cm/kube-root-ca.crt bad~key=b', /invalid/i, 1],
  ],
};

const dataRows: readonly Row[] = [
  ['none --from-literal x', /--from-literal takes KEY=VALUE/, 2],
  ['none --from-file nosuch', /nosuch cannot be read \(ENOENT\)/, 1],
  ['none --from-literal a=b --from-literal a=c', /the key "a" is given twice/, 2],
];

const drain: readonly Row[] = [
  ['none', /there is no node none; see naru node list/, 1],
  ['none --timeout x', badTime, 2],
  ['none --grace-period x', /--grace-period takes a whole number of seconds/, 2],
];

const server: readonly Row[] = [
  ['--host x', /cannot listen on x/, 1],
  ['--scheduler-config nosuch', absentFile, 1],
  ['--audit-policy-file nosuch', /an audit policy needs a file to write to/, 1],
];

export const misuses: Readonly<Record<string, Misuse>> = {
  up: {
    rows: [
      ['nosuch', noFile, 1],
      ['text', noMap, 1],
      ['broken.yaml', /broken\.yaml:\d/, 1],
      ['map.yaml --timeout x', badTime, 2],
      ['--timeout 5m', /--timeout is for an application; name its folder or file/, 2],
      ['--port 1', /the cluster already runs, on port/, 1],
      ['--simulated-nodes 9', /the cluster already runs, with \d simulated nodes/, 1],
      ['--node-name other', /the cluster already runs, with another node name/, 1],
      ['--tls-min-version VersionTLS13', /the cluster already runs, with another choice of TLS/, 1],
      ['--scheduler-config nosuch', absentFile, 1],
      ['--host x', /--host takes an address of this machine/, 1],
    ],
    lonely: [
      ['--simulated-nodes 1 --node-name A~B', /"A B" is no name for a node/, 2],
      ['--simulated-nodes 1 --host 192.0.2.77', /this machine has no such address/, 1],
      ['--simulated-nodes 1 --service-cidr x', /--service-cidr takes a range/, 1],
      ['--simulated-nodes 1 --simulated-node-template nosuch', absentFile, 1],
      ['--simulated-nodes 1 --encryption-provider-config nosuch', absentFile, 1],
      ['--simulated-nodes 1 --tls-cipher-suites x', /the TLS options cannot be used/, 1],
      ['--simulated-nodes 1 --kubelet-config nosuch', absentFile, 1],
    ],
  },
  down: {},
  status: { right: '', alone: [noCluster, 1], powerless: [/^$/, 0] },
  'token create': {
    right: '',
    powerless: [/may not|no address for other machines/, 1],
    rows: [['--ttl x', /--ttl takes a time such as 30s/, 2]],
  },
  'token list': { right: '' },
  'token delete': {
    right: 'abcdef',
    rows: [
      ['abcdef', /there is no token abcdef; see naru token list/, 1],
      ['none', /none is no token's id \(six letters and digits\)/, 1],
    ],
  },
  join: {
    rows: [['127.0.0.1:1 --token x', /holds a cluster of this machine's own, which cannot join another one/, 1]],
    lonely: [
      ['', /SERVER|naru join/, 2],
      ['127.0.0.1:1', /--token/, 2],
      ['127.0.0.1:1 --token x', /token/, 2],
      ['127.0.0.1:1 --token abcdef.0123456789abcdef', /--ca-hash|authority|token/, 2],
    ],
  },
  apply: {
    right: '-f map.yaml',
    rows: [
      ['', /name what is meant: files with -f FILE/, 2],
      ['-f nosuch.yaml', noFile, 1],
      ['-k nosuch', /nosuch has no kustomization\.yaml/, 1],
      ['-f text', noMap, 1],
      ['-f broken.yaml', /broken\.yaml:\d/, 1],
      ['-f /dev/null', /there is no object in what was named/, 2],
      ['-f map.yaml -n nosuch', /the namespace nosuch, which does not exist; make it: naru create namespace nosuch/, 1],
      ['-f map.yaml --prune', /--prune needs --application NAME/, 2],
      ['-f map.yaml --wait --timeout x', badTime, 2],
    ],
  },
  diff: {
    right: '-f map.yaml',
    rows: [
      ['', /name what is meant: files with -f FILE/, 2],
      ['-f nosuch.yaml', noFile, 1],
      ['-k nosuch', /nosuch has no kustomization\.yaml/, 1],
    ],
  },
  'create namespace': {
    right: 'none',
    rows: [
      ['default', /namespaces "default" already exists/, 1],
      ['A', /A.*(lower|invalid)/i, 1],
    ],
  },
  'create job': {
    right: 'none --image a',
    rows: [
      ['none', /say what the job does: --from=cronjob\/NAME, or --image=IMAGE/, 2],
      ['other --from x', /--from takes cronjob\/NAME/, 2],
      ['other --from cronjob/none', notFound('cronjobs.batch'), 1],
    ],
  },
  'create deployment': { right: 'none --image a', rows: [['A --image a', /A.*(lower|invalid)/i, 1]] },
  'create configmap': { right: 'none', rows: dataRows },
  'create secret generic': { right: 'none', rows: dataRows },
  delete: {
    right: 'cm/none',
    rows: [
      ['', /say what to delete/, 2],
      ['cm/none', notFound('configmaps'), 1],
      ['nosuch/none', noResource, 1],
      ['cm none --all', /cannot be given together/, 2],
      ['cm', /say which cm are meant/, 2],
      ['-f nosuch.yaml', noFile, 1],
      ['cm/none --timeout x', badTime, 2],
      ['pod none --grace-period 0', /needs --force/, 2],
    ],
  },
  scale: {
    right: 'deploy/none --replicas 1',
    rows: [
      ['deploy/none --replicas 1', notFound('deployments.apps'), 1],
      ['cm/kube-root-ca.crt --replicas 1', /configmaps cannot be scaled/, 1],
      ['deploy --replicas 1', /say which deploy are meant/, 2],
    ],
  },
  'rollout status': rollout([['deploy/none --timeout x', badTime, 2]]),
  'rollout history': rollout(),
  'rollout undo': rollout(),
  'rollout restart': rollout(),
  'rollout pause': rollout(),
  'rollout resume': rollout(),
  'set image': {
    right: 'deploy/none a=b',
    rows: [
      ['deploy/none a=b', notFound('deployments.apps'), 1],
      ['deploy/none', /say which image/, 2],
      ['a=b', nameless, 2],
    ],
  },
  edit: { right: 'cm/none', rows: [['cm/none', notFound('configmaps'), 1]] },
  label: marks,
  annotate: marks,
  build: {
    lonely: [
      ['nosuch', /there is no folder \S+nosuch/, 1],
      ['text', /there is no folder \S+text|is a file/, 1],
      ['.', /has neither a package\.json \(a Node\.js application\) nor a Dockerfile/, 1],
      ['. -f nosuch -o b', /there is no \S+nosuch/, 1],
    ],
  },
  'compose convert': {
    lonely: [
      ['', /there is no Compose file here or above/, 1],
      ['nosuch.yaml', /nosuch\.yaml: there is no such file/, 1],
      ['text', /text must be a map/, 1],
    ],
  },
  kustomize: { lonely: [['nosuch', /nosuch has no kustomization\.yaml/, 1]] },
  get: {
    right: 'pods',
    rows: [
      ['', /say what to get/, 2],
      ['cm none', notFound('configmaps'), 1],
      ['nosuch', noResource, 1],
      ['-f nosuch.yaml', noFile, 1],
      ['pods -o jsonpath-file=nosuch', /^naru: nosuch: there is no such file or folder$/m, 1],
      ['pods -o custom-columns-file=.', /^naru: .*this is a folder, where a file is needed$/m, 1],
      ['pods -o jsonpath-file=text/x', /where a folder is needed/, 1],
      ['pods --sort-by {.a', /JSONPath/, 2],
      ['pods --field-selector nosuch=1', /field label not supported: nosuch/, 1],
      ['--raw nosuch', /--raw takes a path such as \/version/, 2],
      ['--raw /nosuch', /the server has nothing at \/nosuch/, 1],
    ],
  },
  describe: {
    right: 'pods',
    rows: [
      ['', /say what to describe/, 2],
      ['cm none', notFound('configmaps'), 1],
      ['nosuch/none', noResource, 1],
    ],
  },
  logs: {
    right: 'none',
    rows: [
      ['', /say whose logs/, 2],
      ['none', notFound('pods'), 1],
      ['none --since x', /--since takes a time such as 30s/, 2],
      ['none --since-time x', /--since-time takes a time such as 2026-/, 2],
      ['none -f -p', /nothing to follow/, 2],
    ],
  },
  events: {
    right: '',
    rows: [
      ['--for nosuch/none', noResource, 1],
      ['--types x', /--types takes Normal and Warning/, 2],
      ['-o x', /there is no output format "x"/, 2],
    ],
  },
  'top pods': {
    right: '',
    rows: [
      ['none', /nothing is known of what pod "none" in default uses/, 1],
      ['--sort-by x', /--sort-by takes cpu and memory/, 2],
    ],
  },
  'top nodes': {
    right: '',
    rows: [
      ['none', /there is no node "none"/, 1],
      ['--sort-by x', /--sort-by takes cpu and memory/, 2],
    ],
  },
  why: {
    right: 'pod/none',
    powerless: [/you may not look at the pod "none" in namespace default; an administrator can give/, 1],
    rows: [
      ['pod/none', /there is no pod "none" in namespace default/, 1],
      ['nosuch/none', noResource, 1],
      ['pod/none -A', /an object is in one namespace/, 2],
    ],
  },
  // Without a cluster the machine's half is told; its state is the machine's.
  doctor: {},
  exec: {
    right: 'none -- ls',
    rows: [
      ['none -- ls', notFound('pods'), 1],
      ['none', /say what to run: naru exec none -- COMMAND/, 2],
    ],
  },
  attach: { right: 'none', rows: [['none', notFound('pods'), 1]] },
  cp: {
    right: 'text none:/x',
    rows: [
      ['text none:/x', notFound('pods'), 1],
      ['a b', /one of both must be in a pod/, 2],
      ['a:/x b:/y', /from pod to pod is not possible/, 2],
    ],
  },
  'port-forward': {
    right: 'none 0:80',
    rows: [
      ['none 80', notFound('pods'), 1],
      ['svc/none 80', notFound('services'), 1],
      ['none 99999', /"99999" is no port; say LOCAL:REMOTE/, 2],
    ],
  },
  'node list': { right: '' },
  'node cordon': { right: 'none', rows: [['none', /there is no node none; see naru node list/, 1]] },
  'node uncordon': { right: 'none', rows: [['none', /there is no node none; see naru node list/, 1]] },
  'node drain': { right: 'none', rows: drain },
  'node remove': { right: 'none', rows: drain },
  kubeconfig: {
    rows: [
      ['--server ~', /is neither a host, nor host:port, nor a URL/, 2],
      ['--merge --name ~', /--name takes what the cluster is to be called/, 2],
      ['--path --merge', /no other option goes with it/, 2],
    ],
    lonely: [['', /there is no cluster in \S+; start one with: naru up/, 1]],
  },
  backup: {
    rows: [
      ['nosuch/x', /the folder of nosuch\/x is not there; make it, or name another/, 1],
      ['text', /text is there already; name another file, or remove it/, 1],
      ['text/x', /text|file/, 1],
    ],
    lonely: [['', /there is no cluster in \S+ to back up/, 1]],
  },
  restore: {
    rows: [['text --force', /is running; end it first: naru down/, 1]],
    lonely: [
      ['nosuch', /there is no backup nosuch/, 1],
      ['text', /text is no backup that naru made, or it is cut off or damaged/, 1],
      ['.', /the backup \. cannot be read/, 1],
      ['-', /- is no backup that naru made/, 1],
    ],
  },
  upgrade: {
    rows: [['--timeout x', badTime, 2]],
    lonely: [['--dry-run', /no cluster runs from \S+, so there is nothing to take over/, 1]],
  },
  release: {
    right: 'cm/none --finalizer a/b -y',
    rows: [
      ['cm/none --finalizer a/b -y', notFound('configmaps'), 1],
      ['cm/kube-root-ca.crt --finalizer a/b -y', /has no finalizer "a\/b"; it has none/, 1],
    ],
  },
  'api-resources': {
    right: '',
    powerless: [/^$/, 0],
    rows: [
      ['-o x', /there is no output format "x"/, 2],
      ['--namespaced=x', /--namespaced is true or false/, 2],
    ],
  },
  'api-versions': { right: '', powerless: [/^$/, 0] },
  'secrets-encrypt status': { lonely: [['', notYet, 1]] },
  'secrets-encrypt rotate': { lonely: [['', notYet, 1]] },
  'token-key list': { lonely: [['', notYet, 1]] },
  'token-key add': { lonely: [['', notYet, 1]] },
  'token-key use': { rows: [['none', /there is no key none/, 1]], lonely: [['none', notYet, 1]] },
  'token-key remove': { rows: [['none', /there is no key none/, 1]], lonely: [['none', notYet, 1]] },
  'image list': { rows: [['', simulated, 1]], lonely: [['', noCluster, 1]] },
  'image pull': {
    rows: [['A', /repository name must be lowercase: "A"/, 1]],
    lonely: [['example.com/a', noCluster, 1]],
  },
  'image import': { rows: [['nosuch', simulated, 1]], lonely: [['nosuch', noCluster, 1]] },
  'image export': { rows: [['a -o b', simulated, 1]], lonely: [['a -o b', noCluster, 1]] },
  'image remove': { rows: [['a', simulated, 1]], lonely: [['a', noCluster, 1]] },
  'image pack': {
    lonely: [
      ['nosuch --name a -o b', /there is no program nosuch in/, 1],
      ['/bin/ls --name a -o nosuch/x', cannotWrite, 1],
      ['/bin/ls --name a -o b --file nosuch', /there is no file \S+nosuch/, 1],
      ['/bin/ls --name a -o b --env x', /--env takes NAME=VALUE/, 1],
      ['/bin/ls --name a -o b --user nosuch', /this machine has no user nosuch/, 1],
    ],
  },
  server: { rows: [['', /already runs/, 1]], lonely: server },
  run: { rows: [['--simulated-nodes 1', /already runs/, 1]] },
  agent: {
    lonely: [['--kubeconfig nosuch', /there is no kubeconfig nosuch; start naru server on this machine first/, 1]],
  },
  // It would remove the cluster of the test; what it asks first is told in its own test.
  uninstall: {},
  completion: { lonely: [['csh', /there is for bash, zsh, fish/, 2]] },
  // A shell's: it says nothing, whatever happens.
  __complete: { lonely: [['get pods ~', /^$/, 0]] },
  version: { right: '', alone: [/^$/, 0], powerless: [/^$/, 0] },
  simulate: { lonely: [['--climate nosuch', /there is no climate nosuch; there are: quiet/, 1]] },
};
