/**
 * kubectl's everyday range as a table: each command once, in an order in which they build on each other, and what it says. The words
 * are kubectl's and upstream's API server's.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../../src/lib/clock.ts';
import { CertificateAuthority } from '../../src/server/certificates/certificate-authority.ts';
import { eventually, run, TestCluster } from '../harness.ts';
import { checkRow, checkRows, editedBy, fixture, type Row } from './command-table.ts';

const making: readonly Row[] = [
  ['create deployment web --image=nginx:1 --replicas=2 --port=80', /^deployment\.apps\/web created$/m],
  ['create deployment web --image=nginx:1', /deployments\.apps "web" already exists/, 'fails'],
  ['create job once --image=busybox -- echo hi', /^job\.batch\/once created$/m],
  ['create cronjob nightly --image=busybox --schedule=0~3~*~*~* -- echo', /^cronjob\.batch\/nightly created$/m],
  ['create cronjob bad --image=busybox --schedule=61~3~*~*', /spec\.schedule: Invalid value: "61 3 \* \*"/, 'fails'],
  ['create job manual --from=cronjob/nightly', /^job\.batch\/manual created$/m],
  ['create configmap cm --from-literal=a=1 --from-literal=b=2', /^configmap\/cm created$/m],
  ['create secret generic s1 --from-literal=p=q', /^secret\/s1 created$/m],
  [
    'create secret docker-registry s2 --docker-server=r --docker-username=u --docker-password=p',
    /^secret\/s2 created$/m,
  ],
  ['get secret s2', /^s2 +kubernetes\.io\/dockerconfigjson +1 /m],
  ['create service clusterip c1 --tcp=80:8080', /^service\/c1 created$/m],
  ['create service clusterip headless --clusterip=None --tcp=80', /^service\/headless created$/m],
  ['create service nodeport n1 --tcp=80:8080 --node-port=30080', /^service\/n1 created$/m],
  ['create service nodeport n2 --tcp=80 --node-port=30080', /30080: provided port is already allocated/, 'fails'],
  ['create service nodeport n2 --tcp=80 --node-port=80', /The range of valid ports is 30000-32767/, 'fails'],
  ['create service loadbalancer l1 --tcp=80', /^service\/l1 created$/m],
  ['create service externalname e1 --external-name=example.com', /^service\/e1 created$/m],
  ['get service', /^e1 +ExternalName +<none> +example\.com +<none> /m],
  ['patch service c1 -p {"spec":{"clusterIP":"10.43.0.99"}}', /\["10\.43\.0\.99"\]: may not change once set/, 'fails'],
  ['create serviceaccount bot', /^serviceaccount\/bot created$/m],
  ['create role reader --verb=get,list --resource=pods,deployments.apps,pods/log', /reader created$/m],
  ['create rolebinding rb --role=reader --serviceaccount=default:bot --user=jane --group=devs', /rb created$/m],
  ['create clusterrole nodes --verb=get --resource=nodes', /nodes created$/m],
  ['create clusterrole health --verb=get --non-resource-url=/healthz', /health created$/m],
  ['create clusterrole all --aggregation-rule=a=b', /all created$/m],
  ['create clusterrolebinding crb --clusterrole=nodes --user=jane', /crb created$/m],
  ['create quota q --hard=pods=90,count/deployments.apps=90', /^resourcequota\/q created$/m],
  ['create pdb p --selector=app=web --min-available=1', /^poddisruptionbudget\.policy\/p created$/m],
  ['create priorityclass high --value=1000 --preemption-policy=Never', /high created$/m],
  ['create ingress i --rule=foo.com/*=c1:80,tls=s --class=nginx', /^ingress\.networking\.k8s\.io\/i created$/m],
  ['create token bot --duration=10m', /^\S+\.\S+\.\S+$/],
  ['create token bot --audience=vault --duration=1m', /may not specify a duration less than 10 minutes/, 'fails'],
  ['create configmap files --from-file=@/services --from-file=renamed=@/crlf.yaml', /^configmap\/files created$/m],
  ['create configmap variables --from-env-file=@/variables.env', /^configmap\/variables created$/m],
  ['get configmap variables -o jsonpath={.data.LANGUAGE}', /^en$/],
  ['create deployment dry --image=x --dry-run=client -o yaml', /^kind: Deployment$/m],
  ['create deployment dry --image=x --dry-run=server', /created \(server dry run\)/],
  ['get deployment dry', /deployments\.apps "dry" not found/, 'fails'],
  ['create -f @/unusual.yaml', /^configmap\/listed created\nservice\/listed created\nconfigmap\/typed-list created$/m],
  ['delete -f @/unusual.yaml --now', /^configmap "typed-list" deleted from default namespace$/m],
  ['create --edit=false -f @/crlf.yaml --save-config', /^configmap\/crlf created$/m],
  ['apply view-last-applied configmap crlf', /^ {2}text: \|$/m],
  ['run one --image=nginx --port=80 --expose --labels=a=b --env=X=y --restart=Never', /^pod\/one created$/m],
  ['run Bad_Name --image=x', /metadata\.name: Invalid value: "Bad_Name"/, 'fails'],
  ['expose deployment web --port=80 --target-port=8080', /^service\/web exposed$/m],
];

const changing: readonly Row[] = [
  ['rollout status deploy/web --timeout=20s', /successfully rolled out/],
  ['set image deploy/web nginx=nginx:2', /image updated/],
  ['set env deploy/web A=b', /env updated/],
  ['set env deploy/web --list', /^A=b$/m],
  ['set resources deploy/web --limits=cpu=100m --requests=cpu=50m', /resource requirements updated/],
  ['set resources deploy/web --limits=cpu=10m', /must be less than or equal to cpu limit of 10m/, 'fails'],
  ['set serviceaccount deploy/web bot', /serviceaccount updated/],
  ['set selector service/c1 app=web', /selector updated/],
  ['scale deploy/web --replicas=3', /scaled/],
  ['scale deploy/web --current-replicas=5 --replicas=1', /Expected replicas to be 5, was 3/, 'fails'],
  ['autoscale deploy/web --min=1 --max=5 --cpu=50%', /autoscaled/],
  ['label pod one x=y', /labeled/],
  ['label pod one x=z', /'x' already has a value \(y\), and --overwrite is false/, 'fails'],
  ['label pod one x=z --overwrite', /labeled/],
  ['label pod one x-', /unlabeled/],
  ['annotate pod one note=hello~world', /annotated/],
  ['annotate pod one --list', /^note=hello world$/m],
  ['patch deploy web -p {"spec":{"replicas":3}}', /patched \(no change\)/],
  ['patch deploy web --type=merge -p {"spec":{"replicas":2}}', /patched$/m],
  ['patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":1}]', /patched$/m],
  ['patch deploy web -p {"spec":{"replicas":"x"}}', /cannot unmarshal string into Go struct field/, 'fails'],
  ['patch deploy web -p {"spec":{"selector":{"matchLabels":{"a":"b"}}}}', /field is immutable/, 'fails'],
  ['patch pod one -p {"spec":{"nodeName":"other"}}', /pod updates may not change fields other than/, 'fails'],
  ['rollout restart deploy/web', /restarted/],
  ['rollout status deploy/web --timeout=20s', /successfully rolled out/],
  ['rollout pause deploy/web', /paused/],
  ['rollout restart deploy/web', /can't restart paused deployment/, 'fails'],
  ['rollout resume deploy/web', /resumed/],
  ['rollout undo deploy/web', /rolled back/],
  ['rollout undo deploy/web --to-revision=77', /unable to find specified revision 77 in history/, 'fails'],
  ['rollout history deploy/web', /^REVISION +CHANGE-CAUSE$/m],
  ['rollout status deploy/web --timeout=20s', /successfully rolled out/],
];

const looking: readonly Row[] = [
  ['get pods -o name', /^pod\/one$/m],
  ['get pods -o wide --sort-by=.metadata.name', /^one +1\/1 +Running .* simulated-\d /m],
  ['get pods -o jsonpath={.items[?(@.metadata.name=="one")].spec.containers[0].image}', /^nginx$/],
  ['get pods -o custom-columns=N:.metadata.name --no-headers', /^one$/m],
  ['get pods -o go-template={{range~.items}}{{.metadata.name}}~{{end}}', /\bone\b/],
  ['get pods -l app~in~(web),pod-template-hash --show-labels', /^web-\S+ +1\/1 .*app=web,pod-template-hash=/m],
  ['get pods -l !app -L a', /^one +.* b$/m],
  ['get pods -l app~in~web', /found 'web'.? expected: '\('/, 'fails'],
  ['get pods --field-selector=status.phase=Running,metadata.name=one', /^one /m],
  ['get pods --field-selector=nope=1', /field label not supported: nope/, 'fails'],
  ['get pods -A --chunk-size=1 -o name', /pod\/one[^]*pod\/web-/],
  ['get pods one nope', /pods "nope" not found/, 'fails'],
  ['get deploy web --subresource=scale', /^web +1 +1 /m],
  ['get hpa.v1.autoscaling', /^web +Deployment\/web /m],
  ['get --raw /readyz', /^ok$/],
  ['get --raw /nope', /the server could not find the requested resource/, 'fails'],
  ['get nope', /the server doesn't have a resource type "nope"/, 'fails'],
  ['describe node simulated-1', /^Non-terminated Pods: +\(\d+ in total\)$/m],
  ['describe deploy web', /^NewReplicaSet: +web-\S+ \(1\/1 replicas created\)$/m],
  ['describe pod one', /Successfully assigned default\/one to simulated-\d/],
  ['describe ingress i', /\/ +c1:80 /],
  ['events --for pod/one --types=Normal', /Scheduled +Pod\/one /],
  ['logs one --tail=1', /simulated/],
  ['api-resources --api-group=apps -o name', /^deployments\.apps$/m],
  ['api-versions', /^apps\/v1$/m],
  ['explain pod.spec.containers.image', /FIELD: image <string>/],
  ['explain pod.spec.nope', /field "nope" does not exist/, 'fails'],
  ['wait --for=jsonpath={.status.phase}=Running pod/one --timeout=5s', /condition met/],
  ['wait --for=condition=Nope deploy/web --timeout=1s', /timed out waiting for the condition/, 'fails'],
  ['auth can-i delete nodes', /^yes$/m],
  ['auth can-i delete nodes --as=jane', /^no$/m, 'fails'],
  ['auth can-i --list --as=jane', /selfsubjectaccessreviews\.authorization\.k8s\.io/],
  ['auth whoami', /^Username +naru-admin$/m],
  ['top nodes', /Metrics API not available/, 'fails'],
  ['exec deploy/web -- ls', /this node is simulated/, 'fails'],
  ['attach one', /this node is simulated/, 'fails'],
  ['cp one:/etc/hosts /tmp/nothing', /this node is simulated/, 'fails'],
  ['port-forward deploy/web :80', /this node is simulated/, 'fails'],
  ['wait --for=create pod/nope --timeout=1s', /timed out waiting for the condition/, 'fails'],
  ['wait --for=create pod/one --timeout=1s', /condition met/],
  ['wait --for=delete pod/nope --timeout=1s', /^$/],
  ['get pod one -o yaml', /^kind: Pod$/m],
  ['get pod one -o yaml --show-managed-fields', /^ {2}managedFields:$/m],
  ['get pods --no-headers -o wide -A', /^default +one +1\/1 +Running /m],
  ['get --raw /api/v1/namespaces/default/pods/one', /^\{"kind":"Pod","apiVersion":"v1"/],
  ['get --raw /apis/apps/v1', /"name":"deployments\/scale"/],
  ['get -f @/crlf.yaml -o name', /^configmap\/crlf$/m],
  ['get deploy/web service/web -o name', /^deployment\.apps\/web\nservice\/web$/m],
  ['get all -l app=web -o name', /^replicaset\.apps\/web-/m],
  ['get configmap -o custom-columns-file=@/columns.txt', /^NAME +LABELS\nc/m],
  ['get configmap -o go-template-file=@/names.tmpl', /;crlf;/],
  ['get configmap -o jsonpath-as-json={.items[0].kind}', /"ConfigMap"/],
  ['api-resources --namespaced=false --verbs=list --sort-by=kind', /^nodes +no +v1 +false +Node$/m],
  [
    'api-resources -o wide',
    /^pods +po +v1 +true +Pod +create,delete,deletecollection,get,list,patch,update,watch +all$/m,
  ],
  ['explain deploy --recursive', /^ {2}spec\t<DeploymentSpec>/m],
  ['cluster-info dump', /"kind": "NodeList"/],
  ['config view --minify -o jsonpath={.clusters[0].cluster.server}', /^https:\/\/127\.0\.0\.1:\d+$/],
  ['kustomize @/kustomize/staging', /^ {2}name: staging-web$/m],
  ['logs deploy/web --all-containers --prefix', /^\[pod\/web-\S+\/nginx\] This container is simulated/m],
  ['logs -l app=web', /simulated/],
  ['logs one -c nope', /container nope is not valid for pod one/, 'fails'],
  ['debug one --image=busybox --container=helper --attach=false', /^$/],
  ['get pod one -o jsonpath={.spec.ephemeralContainers[0].image}', /^busybox$/],
  ['debug one --image=busybox --copy-to=copy --share-processes --attach=false', /debugger-/],
  ['get pod copy -o jsonpath={.spec.shareProcessNamespace}', /^true$/],
  ['debug node/simulated-2 --image=busybox --attach=false', /node-debugger-simulated-2-/],
];

const applying: readonly Row[] = [
  ['apply -f @/services', /^deployment\.apps\/vote created\nservice\/vote created\npod\/worker created$/m],
  ['apply -f @/services --dry-run=client', /^deployment\.apps\/vote unchanged \(dry run\)$/m],
  ['apply -f @/services --dry-run=server', /^deployment\.apps\/vote unchanged \(server dry run\)$/m],
  ['diff -f @/services', /^$/],
  ['scale --replicas=2 -f @/services/vote-deployment.yaml', /scaled/],
  ['diff -f @/services', /^-  replicas: 2\n\+  replicas: 1$/m, 'fails'],
  ['apply -f @/services/vote-deployment.yaml', /^deployment\.apps\/vote configured$/m],
  ['apply set-last-applied -f @/services/worker.json', /^pod\/worker configured$/m],
  ['apply edit-last-applied -f @/services/worker.json', /no changes made|skipped/],
  ['replace -f @/services/vote-deployment.yaml', /^deployment\.apps\/vote replaced$/m],
  ['replace -f @/custom-resources.yaml', /no matches for kind "Gadget"/, 'fails'],
  ['patch -f @/services/worker.json -p {"metadata":{"labels":{"a":"b"}}}', /^pod\/worker patched$/m],
  ['patch deploy vote --subresource=scale --type=merge -p {"spec":{"replicas":2}}', /patched$/m],
  [
    'patch deploy vote --local -f @/services/vote-deployment.yaml -p {"spec":{"replicas":5}} -o jsonpath={.spec.replicas}',
    /./,
    'fails',
  ],
  ['annotate -f @/services note=x --dry-run=server', /annotated \(server dry run\)/],
  ['label deploy --all team=red', /^deployment\.apps\/vote labeled$/m],
  ['label deploy vote team=blue --resource-version=1 --overwrite', /the object has been modified/, 'fails'],
  ['apply --server-side -f @/crlf.yaml --field-manager=one', /^configmap\/crlf serverside-applied$/m],
  ['patch configmap crlf --field-manager=two -p {"data":{"text":"x"}}', /patched/],
  ['apply --server-side -f @/crlf.yaml --field-manager=one', /conflict with "two".*: \.data\.text/, 'fails'],
  ['apply --server-side -f @/crlf.yaml --field-manager=one --force-conflicts', /serverside-applied$/m],
  ['apply --server-side -f @/crlf.yaml --field-manager=one --dry-run=server', /serverside-applied \(server dry run\)/],
  ['apply -f @/boutique.yaml --prune -l app=basket --dry-run=server -o name', /^deployment\.apps\/basket$/m],
  ['auth reconcile -f @/cluster.yaml', /^clusterrole\.rbac\.authorization\.k8s\.io\/naru-fixture-view reconciled$/m],
  ['auth reconcile -f @/cluster.yaml --remove-extra-permissions', /reconciled/],
  ['set subject rolebinding/rb --user=joe', /subjects updated/],
  [
    'set image -f @/services/vote-deployment.yaml vote=vote:2 --local -o jsonpath={.spec.template.spec.containers[0].image}',
    /^vote:2$/,
  ],
  ['autoscale deploy vote --max=3', /autoscaled/],
  ['delete hpa vote', /deleted/],
  ['delete -f @/services --now', /^pod "worker" deleted from default namespace$/m],
  ['delete -f @/services --ignore-not-found', /^$/],
];

const removing: readonly Row[] = [
  ['cordon simulated-1', /cordoned/],
  ['get node simulated-1', /Ready,SchedulingDisabled/],
  ['delete pdb p', /deleted/],
  ['drain simulated-1 --force --timeout=20s', /drained/],
  ['uncordon simulated-1', /uncordoned/],
  ['taint node simulated-1 k=v:NoSchedule', /tainted/],
  ['taint node simulated-1 k=v2:NoSchedule', /already has k taint\(s\) with same effect/, 'fails'],
  ['taint node simulated-1 k-', /untainted/],
  ['delete pod -l app=web --now', /pod "web-\S+" deleted/],
  ['delete deploy web --cascade=orphan', /deleted/],
  ['get rs -l app=web', /^web-/m],
  ['delete rs --all --cascade=foreground --timeout=20s', /deleted/],
  ['delete pods --all --grace-period=0 --force', /Immediate deletion does not wait|No resources found/],
  ['delete configmap nope', /configmaps "nope" not found/, 'fails'],
  ['delete configmap nope --ignore-not-found', /^$/],
  ['delete namespace kube-system', /this namespace may not be deleted/, 'fails'],
  ['get rs,pods,deploy', /No resources found in default namespace/],
];

describe('kubectl', { timeout: 120_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '3');
  });
  after(() => TestCluster.closeAll());

  const check = (row: Row): Promise<void> => checkRow(cluster, row);

  for (const [what, rows] of Object.entries({ making, changing, looking, applying, removing })) {
    test(`says what upstream says: ${what}`, async () => {
      await checkRows(cluster, rows);
    });
  }

  test('edit saves what the editor leaves, and nothing where it leaves all', async () => {
    const edit = (editor: string) => cluster.kubectl(['edit', 'configmap', 'cm'], editedBy(editor));
    assert.match((await edit(`sed -i 's/a: "1"/a: changed/'`)).stdout, /configmap\/cm edited/);
    assert.match((await edit('true')).stderr, /Edit cancelled, no changes made/);
    await check(['get configmap cm -o jsonpath={.data.a}', /^changed$/]);
  });

  test('replace is refused for an old version, and --force makes the object anew', async () => {
    const manifest = await cluster.mustKubectl('get', 'configmap', 'cm', '-o', 'yaml');
    const replace = (input: string, ...args: string[]) => cluster.kubectl(['replace', ...args, '-f', '-'], { input });
    const old = await replace(manifest.replace(/resourceVersion: .*/, 'resourceVersion: "3"'));
    assert.match(old.stderr, /the object has been modified; please apply your changes to the latest version/);
    assert.match((await replace(manifest, '--force')).stdout, /configmap\/cm replaced/);
  });

  test('a certificate and its key become a secret; what is none is refused', async () => {
    const [key, certificate] = ['tls.key', 'tls.crt'].map((name) => path.join(cluster.home, name));
    const own = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=fixture.example';
    const made = await run('openssl', [...own.split(' '), '-keyout', `${key}`, '-out', `${certificate}`]);
    assert.equal(made.code, 0, made.stderr);
    await checkRows(cluster, [
      [`create secret tls t --cert=${certificate} --key=${key}`, /^secret\/t created$/m],
      ['get secret t', /^t +kubernetes\.io\/tls +2 /m],
      [`create secret tls bad --cert=${key} --key=${key}`, /PEM inputs may have been switched/, 'fails'],
    ]);
  });

  test('a certificate is asked for, approved once, and not denied after that', async () => {
    const key = path.join(cluster.home, 'asked.key');
    const asked = 'req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=devs/CN=asked';
    const made = await run('openssl', [...asked.split(' '), '-keyout', key]);
    assert.equal(made.code, 0, made.stderr);
    const request = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'asked' },
      spec: {
        request: Buffer.from(made.stdout).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
      },
    };
    const created = await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(request) });
    assert.equal(created.code, 0, created.stderr);
    await checkRows(cluster, [
      ['get csr asked', /^asked +\S+ +kubernetes\.io\/kube-apiserver-client +naru-admin +<none> +Pending$/m],
      ['certificate approve asked', /^certificatesigningrequest\.certificates\.k8s\.io\/asked approved$/m],
      ['get csr asked', /Approved/],
      ['describe csr asked', /Common Name: +asked/],
      ['certificate deny asked', /already Approved/, 'fails'],
      ['delete csr asked', /deleted/],
    ]);
  });

  test('what is watched is told as it happens', async () => {
    const { child, text } = cluster.stream('get', 'configmap', '-w', '--output-watch-events', '-l', 'watched=yes');
    const waiting = cluster.kubectl(['wait', '--for=delete', 'configmap/watched', '--timeout=20s']);
    try {
      await checkRows(cluster, [
        ['create configmap watched', /created/],
        ['label configmap watched watched=yes', /labeled/],
        ['annotate configmap watched a=b', /annotated/],
        ['delete configmap watched', /deleted/],
      ]);
      await eventually('three events', () =>
        /^ADDED +watched[^]*^MODIFIED +watched[^]*^DELETED +watched/m.test(text()),
      );
      assert.equal((await waiting).code, 0);
    } finally {
      child.kill();
    }
  });

  test('proxy passes on what a browser asks for', async () => {
    const { child, text } = cluster.stream('proxy', '--port=0');
    try {
      const address = await eventually('its address', () => /127\.0\.0\.1:\d+/.exec(text())?.[0]);
      const answer = await fetch(`http://${address}/api/v1/namespaces/kube-system/configmaps?limit=1`);
      assert.equal(answer.status, 200);
      assert.equal(((await answer.json()) as { kind: string }).kind, 'ConfigMapList');
      assert.equal((await fetch(`http://${address}/api/v1/nodes/nope`)).status, 404);
    } finally {
      child.kill();
    }
  });

  test('a kustomization is created, seen and deleted', async () => {
    const folder = fixture('kustomize/base');
    await checkRows(cluster, [
      ['create namespace kustomized', /created/],
      [`create -n kustomized -k ${folder}`, /^configmap\/settings-\w+ created\ndeployment\.apps\/web created$/m],
      [`get -n kustomized -k ${folder} -o name`, /^deployment\.apps\/web$/m],
      [`delete -n kustomized -k ${folder}`, /deployment\.apps "web" deleted/],
      ['delete namespace kustomized --timeout=20s', /deleted/],
    ]);
  });

  test('one who may nothing is told who cannot do what, and where', async () => {
    // Bound to jane, by whom the tests before saw that roles can be made.
    await cluster.mustKubectl('delete', 'rolebinding/rb', 'clusterrolebinding/crb', '--ignore-not-found');
    const folder = path.join(cluster.home, 'certificates');
    const authority = await CertificateAuthority.open({ folder, clock: new RealClock() });
    const { certificate, key } = await authority.issueClient({ user: 'jane', groups: ['devs'] });
    const files = { certificate: path.join(cluster.home, 'jane.crt'), key: path.join(cluster.home, 'jane.key') };
    writeFileSync(files.certificate, certificate);
    writeFileSync(files.key, key);
    const config = path.join(cluster.home, 'jane.kubeconfig');
    const kubectl = async (...args: string[]): Promise<string> => {
      const identity = [
        `--client-certificate=${files.certificate}`,
        `--client-key=${files.key}`,
        '--user=',
        '--kubeconfig',
        config,
      ];
      const { stdout, stderr } = await cluster.kubectl([...identity, ...args]);
      return stdout + stderr;
    };
    const cp = await run('sed', ['/client-certificate-data\\|client-key-data/d', cluster.kubeconfig]);
    writeFileSync(config, cp.stdout);
    assert.match(
      await kubectl('get', 'pods'),
      /pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"/,
    );
    assert.match(
      await kubectl('get', 'nodes'),
      /nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope/,
    );
    assert.match(
      await kubectl('scale', 'deploy/x', '--replicas=1'),
      /deployments\.apps "x" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "default"/,
    );
    assert.match(await kubectl('get', '--raw', '/metrics'), /forbidden: User "jane" cannot get path "\/metrics"/);
    assert.match(
      await kubectl('get', 'pods', '--as=naru-admin'),
      /pods is forbidden: User "jane" cannot impersonate-on:user-info:list resource "pods"/,
    );
    assert.match(await kubectl('auth', 'whoami'), /^Groups +\[devs system:authenticated\]$/m);
  });
});
