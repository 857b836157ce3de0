/**
 * The oldest kubectl that Debian has, 1.20, five years older than the API: what worked with it against the servers of its time and the
 * later ones, works. What it cannot do is what it asks of versions that are gone (`batch/v1beta1`, `policy/v1beta1`), and says so.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, findOldestKubectl, run, TestCluster } from '../harness.ts';
import { checkRows, editedBy, fixture, type Row } from './command-table.ts';

const discovering: readonly Row[] = [
  ['version --short', /^Client Version: v1\.20\.\d+\nServer Version: v1\.36\./],
  ['cluster-info', /is running at/],
  ['api-versions', /^apps\/v1$/m],
  ['api-resources --api-group=apps --verbs=list,watch -o name', /^deployments\.apps$/m],
  ['api-resources', /^pods +po +v1 +true +Pod$/m],
  ['get nodes', /^simulated-1 +Ready +<none> +\S+ +v1\.36/m],
  ['get --raw /healthz', /^ok$/],
  ['explain pod.spec.containers.image', /^FIELD: +image <string>$/m],
  ['explain deploy --recursive', /^ {6}replicas\t<integer>$/m],
  ['explain cronjobs --api-version=batch/v1', /^KIND: +CronJob\nVERSION: +batch\/v1$/m],
  ['explain pod.nope', /field "nope" does not exist/, 'fails'],
  ['get nope', /the server doesn't have a resource type "nope"/, 'fails'],
  ['auth can-i delete pods', /^yes$/m],
  ['auth can-i delete pods --as=jane', /^no$/m, 'fails'],
  ['auth can-i --list', /^\*\.\* +\[\] +\[\] +\[\*\]$/m],
  ['top nodes', /Metrics API not available/, 'fails'],
];

const making: readonly Row[] = [
  ['create deployment web --image=nginx:1 --replicas=2 --port=80', /^deployment\.apps\/web created$/m],
  ['create deployment web --image=nginx:1', /deployments\.apps "web" already exists/, 'fails'],
  ['create deployment Bad --image=x', /metadata\.name: Invalid value: "Bad"/, 'fails'],
  ['create job once --image=x', /^job\.batch\/once created$/m],
  ['create cronjob nightly --image=x --schedule=@daily', /could not find the requested resource/, 'fails'],
  ['create pdb p --selector=app=web --min-available=1', /no matches for kind "PodDisruptionBudget"/, 'fails'],
  ['create configmap cm --from-literal=a=1', /created/],
  ['create secret generic s --from-literal=a=b', /created/],
  ['create secret docker-registry r --docker-username=u --docker-password=p --docker-server=s', /created/],
  ['create service clusterip c --tcp=80:8080', /created/],
  ['create service nodeport n --tcp=80', /created/],
  ['create service loadbalancer l --tcp=80', /created/],
  ['create service externalname e --external-name=example.com', /created/],
  ['create ingress i --rule=foo.com/x*=c:80,tls=t', /^ingress\.networking\.k8s\.io\/i created$/m],
  ['create role r --verb=get --resource=pods', /created/],
  ['create rolebinding r --role=r --user=jane', /created/],
  ['create clusterrole old-r --verb=get --resource=nodes', /created/],
  ['create clusterrolebinding old-r --clusterrole=old-r --user=jane', /created/],
  ['create quota q --hard=pods=100', /created/],
  ['create priorityclass old-high --value=100', /created/],
  ['create sa bot', /created/],
  ['create namespace team', /created/],
  ['create -f @/controllers.yaml -n team', /^statefulset\.apps\/database created$[^]*^resourcequota\/budget created$/m],
  ['run one --image=x --labels=a=b --restart=Never --port=80 --expose', /^pod\/one created$/m],
  ['expose deploy web --port=80 --name=exposed', /exposed/],
  ['autoscale deploy web --min=1 --max=3 --cpu-percent=50', /autoscaled/],
];

const changing: readonly Row[] = [
  ['rollout status deploy/web --timeout=20s', /successfully rolled out/],
  ['scale deploy web --replicas=3', /scaled/],
  ['scale deploy web --current-replicas=9 --replicas=1', /Expected replicas to be 9, was 3/, 'fails'],
  ['label deploy web x=y', /labeled/],
  ['label deploy web x=z', /'x' already has a value \(y\), and --overwrite is false/, 'fails'],
  ['annotate deploy web note=hello~world', /annotated/],
  ['patch deploy web -p {"spec":{"replicas":3}}', /patched \(no change\)/],
  ['patch deploy web --type=merge -p {"spec":{"replicas":2}}', /patched$/m],
  ['patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":1}]', /patched$/m],
  ['set image deploy/web nginx=nginx:2', /image updated/],
  ['set env deploy/web A=b', /env updated/],
  ['set resources deploy/web --requests=cpu=10m', /resource requirements updated/],
  ['set serviceaccount deploy/web bot', /serviceaccount updated/],
  ['set selector service c app=web', /selector updated/],
  ['rollout restart deploy/web', /restarted/],
  ['rollout history deploy/web', /^REVISION +CHANGE-CAUSE$/m],
  ['rollout undo deploy/web', /rolled back/],
  ['rollout pause deploy/web', /paused/],
  ['rollout resume deploy/web', /resumed/],
  ['rollout status deploy/web --timeout=20s', /successfully rolled out/],
  ['wait --for=condition=Available deploy/web --timeout=10s', /condition met/],
];

const looking: readonly Row[] = [
  ['get all', /^deployment\.apps\/web +1\/1 +1 +1 /m],
  ['get pods -o wide --sort-by=.metadata.name', /^one +1\/1 +Running .* simulated-\d /m],
  ['get pods -A --chunk-size=1 -o name', /pod\/one[^]*pod\/web-/],
  ['get pods one -o jsonpath={.spec.containers[0].image}', /^x$/],
  ['get pods one -o go-template={{.metadata.name}}', /^one$/],
  ['get pods -o custom-columns=N:.metadata.name,P:.status.phase', /^one +Running$/m],
  ['get pods -l a=b --show-labels --show-kind', /^pod\/one .*a=b/m],
  ['get pods -L a --field-selector=status.phase=Running', /^one .* b$/m],
  ['get deploy,svc,ingress,hpa,quota,role,job -o wide', /^deployment\.apps\/web .* nginx +nginx:2 +app=web$/m],
  ['get cronjob,pdb,sts,ds,rc,limits -n team', /^cronjob\.batch\/nightly +\*\/15 2-4 \* \* 1,3 +(Asia\/Seoul )?/m],
  ['get events --field-selector=involvedObject.name=one', /Scheduled +pod\/one/],
  ['get cm cm -o yaml', /^data:\n {2}a: "1"\nkind: ConfigMap$/m],
  ['get deploy web -o json', /"kind": "Deployment"/],
  ['describe node simulated-1', /^Non-terminated Pods: +\(\d+ in total\)$/m],
  ['describe deploy web', /^NewReplicaSet: +web-\S+ \(1\/1 replicas created\)$/m],
  ['describe pod one', /Successfully assigned default\/one to simulated-\d/],
  ['describe svc web-none', /services "web-none" not found/, 'fails'],
  ['describe svc,ing,hpa,job,secret,cm,role,rolebinding,sa', /^Target CPU utilization: +50%$/m],
  ['describe ns default', /^Status: +Active$/m],
  ['describe sts,ds,rc,quota,limits -n team', /^Replicas: +3 desired/m],
  ['logs one', /simulated/],
  ['cluster-info dump', /"kind": "NodeList"/],
];

const removing: readonly Row[] = [
  ['cordon simulated-1', /cordoned/],
  ['taint node simulated-1 k=v:NoSchedule', /tainted/],
  ['taint node simulated-1 k-', /untainted/],
  ['drain simulated-1 --force --ignore-daemonsets --timeout=20s', /^node\/simulated-1 (evicted|drained)$/m],
  ['uncordon simulated-1', /uncordoned/],
  ['delete deploy web --cascade=orphan', /deleted/],
  ['get rs -l app=web', /^web-/m],
  ['delete rs -l app=web', /deleted/],
  ['delete pod --all --grace-period=0 --force', /Immediate deletion does not wait|No resources found/],
  ['wait --for=delete pod/one --timeout=10s', /condition met|no matching resources found|NotFound/, 'fails'],
  ['delete configmap nope --ignore-not-found', /^$/],
  ['delete configmap nope', /configmaps "nope" not found/, 'fails'],
  ['delete ns team --timeout=20s', /namespace "team" deleted/],
];

describe('kubectl 1.20', { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let program = '';

  before(async () => {
    [cluster, program] = await Promise.all([TestCluster.up('--simulated-nodes', '3'), findOldestKubectl()]);
  });
  after(() => TestCluster.closeAll());

  const kubectl = (...args: string[]) => cluster.kubectl(args, { program });

  for (const [what, rows] of Object.entries({ discovering, making, changing, looking })) {
    test(`works: ${what}`, async () => {
      await checkRows(cluster, rows, { program });
    });
  }

  test('edit saves what the editor leaves, and shows a refusal', async () => {
    const edit = (script: string) => cluster.kubectl(['edit', 'cm', 'cm'], { program, ...editedBy(script) });
    const saved = await edit(`sed -i 's/  a: "1"/  a: changed/'`);
    assert.match(saved.stdout, /configmap\/cm edited/, saved.stderr);
    assert.match((await edit('true')).stderr, /Edit cancelled, no changes made/);
    assert.match((await edit(`sed -i 's/a: changed/a b: changed/'`)).stderr, /configmaps "cm" is invalid/);
  });

  test('apply, by the client and by the server, changes nothing the second time', async () => {
    const over = async (command: string) => {
      const { code, stdout, stderr } = await kubectl(...command.split(' '), '-f', fixture('services'));
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const versions = () => over('get -o jsonpath={.items[*].metadata.resourceVersion}');
    assert.match(await over('apply --dry-run=server'), /created \(server dry run\)/);
    assert.equal((await over('apply')).match(/created/g)?.length, 3);
    await kubectl('rollout', 'status', 'deploy/vote', '--timeout=20s');
    await kubectl('wait', '--for=condition=Ready', 'pod/worker', '--timeout=20s');
    const before = await versions();
    assert.equal((await over('apply')).match(/unchanged/g)?.length, 3);
    assert.equal(await over('diff'), '');
    assert.equal(await versions(), before);
    assert.equal((await over('apply --server-side --force-conflicts')).match(/serverside-applied/g)?.length, 3);
    const owned = await versions();
    await over('apply --server-side');
    assert.equal(await versions(), owned);
    const replaced = await kubectl('replace', '-f', fixture('services/vote-deployment.yaml'));
    assert.equal(replaced.stdout, 'deployment.apps/vote replaced\n', replaced.stderr);
    assert.equal((await over('replace --force --grace-period=0')).match(/ replaced/g)?.length, 3);
    assert.equal((await over('delete')).match(/deleted/g)?.length, 3);
  });

  test('get -w shows each change as it happens', async () => {
    await kubectl('create', 'cm', 'watched', '--from-literal=a=one');
    const watch = cluster.streamOf(
      program,
      'get',
      'cm',
      '-w',
      '--output-watch-events',
      '--field-selector=metadata.name=watched',
    );
    try {
      await eventually('the first event', () => /^ADDED +watched/m.test(watch.text()));
      await kubectl('patch', 'cm', 'watched', '-p', '{"data":{"a":"two"}}');
      await kubectl('delete', 'cm', 'watched');
      await eventually('the last event', () => /^MODIFIED +watched[^]*^DELETED +watched/m.test(watch.text()));
    } finally {
      watch.child.kill();
    }
  });

  test('a ConfigMap made of files holds them', async () => {
    const { stdout } = await run(program, [
      'create',
      'cm',
      'files',
      `--from-file=${fixture('services')}`,
      '--dry-run=client',
      '-o',
      'yaml',
    ]);
    assert.match(stdout, /^ {2}notes\.txt: /m);
    const applied = await cluster.kubectl(['apply', '-f', '-'], { program, input: stdout });
    assert.equal(applied.stdout, 'configmap/files created\n', applied.stderr);
  });

  test('works: removing', async () => {
    await checkRows(cluster, removing, { program });
  });
});
