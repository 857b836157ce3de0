/**
 * naru's own commands that change things, against a whole cluster with simulated nodes: each command once, in an order in which they build on
 * each other, with its words and its exit code.
 */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Deployment } from '../../src/api/schema/types/apps-v1.ts';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { type CommandResult, eventually, root, run, TestCluster } from '../harness.ts';

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "x:1", ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 8080, targetPort: http, name: main}]}
`;

/** Words, what they say (on either output), and the exit code. */
type Row = readonly [command: string, says: RegExp, code?: number];

const rows: readonly Row[] = [
  ['rollout status deploy/web --timeout 60s', /^deployment\.apps\/web successfully rolled out$/m],
  ['rollout status svc/web', /service\/web has no rollouts/, 1],
  ['scale deploy/web --replicas 3', /^deployment\.apps\/web scaled$/m],
  ['scale deploy web --replicas 3 --current-replicas 3', /^deployment\.apps\/web scaled$/m],
  ['scale deploy/web --replicas 3 --current-replicas 1', /Expected replicas to be 1, was 3/, 1],
  ['scale svc/web --replicas 3', /services cannot be scaled/, 1],
  ['scale deploy/none --replicas 3', /deployments\.apps "none" not found/, 1],
  ['scale deploy/web', /required option '--replicas/, 2],
  ['set image deploy/web app=x:2', /^deployment\.apps\/web image updated$/m],
  ['set image deploy/web app=x:2', /^$/],
  ['set image deploy/web none=x:2', /web has no container "none"; it has app/, 1],
  ['set image deploy/web', /say which image/, 2],
  ['rollout status deploy -l app=none', /^$/],
  ['rollout history deploy/web', /^REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>$/m],
  ['rollout history deploy/web --revision 1', /image: x:1/],
  ['rollout history deploy/web --revision 9', /has no revision 9; it has 1, 2/, 1],
  ['rollout undo deploy/web', /^deployment\.apps\/web rolled back$/m],
  ['rollout undo deploy/web --to-revision 3', /skipped rollback \(current template already matches revision 3\)/],
  ['rollout restart deploy/web', /^deployment\.apps\/web restarted$/m],
  ['rollout pause deploy/web', /paused$/m],
  ['rollout pause deploy/web', /already paused/, 1],
  ['rollout undo deploy/web', /is paused; first: naru rollout resume deployment\.apps\/web/, 1],
  ['rollout resume deploy/web', /resumed$/m],
  ['rollout status deploy/web --timeout 60s', /successfully rolled out/],
  ['label deploy/web tier=front', /^deployment\.apps\/web labeled$/m],
  ['label deploy/web tier=front', /not labeled/],
  ['label deploy/web tier=back', /'tier' already has a value \(front\), and --overwrite is false/, 1],
  ['label deploy/web tier=back --overwrite', / labeled$/m],
  ['label deploy/web --list', /^tier=back$/m],
  ['label deploy/web tier-', / unlabeled$/m],
  ['label pods -l app=web seen=yes', /^pod\/web-\S+ labeled\npod\/web-\S+ labeled\npod\/web-\S+ labeled$/m],
  ['label deploy/web bad~key=x', /invalid/i, 1],
  ['label deploy/web', /say what to change/, 2],
  ['annotate deploy web note=hello', / annotated$/m],
  ['logs deploy/web', /^\[pod\/web-\S+\/app\] This container is simulated/m],
  ['logs -l app=none', /no pods in namespace default/, 1],
  ['logs nosuch', /pods "nosuch" not found/, 1],
  ['logs deploy/web -c nosuch', /has no container "nosuch"; it has app/, 1],
  ['logs', /say whose logs/, 2],
  ['logs a -l b=c', /cannot be given together/, 2],
  ['logs a -f -p', /nothing to follow/, 2],
  ['exec deploy/web -- ls', /this node is simulated/, 1],
  ['exec deploy/web', /say what to run: naru exec deploy\/web -- COMMAND/, 2],
  ['exec nosuch/x -- ls', /this cluster has no resource "nosuch"/, 1],
  ['exec cm/kube-root-ca.crt -- ls', /selects no pods/, 1],
  ['port-forward svc/web 81', /service web has no port 81; it has 8080 \(main\)|simulated/, 1],
  ['port-forward svc/web a:b:c', /is no port/, 2],
  ['cp here there', /one of both must be in a pod/, 2],
  ['cp a:/x b:/y', /from pod to pod is not possible/, 2],
  ['create namespace made', /^namespace\/made created$/m],
  ['create namespace made', /already exists/, 1],
  ['create configmap made --from-literal a=b --from-literal c=d=e -n made', /^configmap\/made created$/m],
  ['create configmap twice --from-literal a=b --from-literal a=c', /the key "a" is given twice/, 2],
  ['create secret generic made --from-file key=/nonexistent', /\/nonexistent cannot be read \(ENOENT\)/, 1],
  ['create secret generic made --from-literal key=x -n made', /^secret\/made created$/m],
  ['create deployment made --image example/web:1 --replicas 2 -n made -- sleep 9', /^deployment\.apps\/made created$/m],
  ['create job made --image example/web:1 -n made', /^job\.batch\/made created$/m],
  ['create job made', /--from=cronjob\/NAME, or --image=IMAGE/, 2],
  ['create job made --from deploy/web', /--from takes cronjob\/NAME/, 2],
  ['create job made --from cronjob/none', /cronjobs\.batch "none" not found/, 1],
  ['get deploy/made job/made secret/made cm/made -n made -o name', /^configmap\/made$/m],
  ['delete pods', /say which pods are meant/, 2],
  ['delete', /say what to delete/, 2],
  ['delete pod a -l b=c', /cannot be given together/, 2],
  ['delete pod x --grace-period 0', /needs --force/, 2],
  ['delete pod none', /pods "none" not found/, 1],
  ['delete pod none --ignore-not-found', /^$/],
  ['delete pods -l app=none', /No resources found/],
  ['delete ns default', /may not be deleted/, 1],
];

void describe('the commands that act', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
    writeFileSync(path.join(cluster.scratch, 'web.yaml'), manifest);
    await cluster.mustKubectl('create', '-f', path.join(cluster.scratch, 'web.yaml'));
  });
  after(() => TestCluster.closeAll());

  const naru = (command: string, env: Record<string, string> = {}): Promise<CommandResult> =>
    run(
      path.join(root, 'naru'),
      command.split(' ').map((word) => word.replaceAll('~', ' ')),
      {
        env: { NARU_HOME: cluster.home, ...env },
      },
    );
  const said = ({ stdout, stderr }: CommandResult): string => stdout + stderr;

  test('say what they did, and end with the right code', async () => {
    for (const [command, says, code = 0] of rows) {
      const result = await naru(command);
      assert.equal(result.code, code, `naru ${command}: ${said(result)}`);
      assert.match(said(result), says, `naru ${command}`);
      assert.doesNotMatch(said(result), /^ +at /m, `naru ${command}: no stack`);
      if (code !== 0)
        assert.equal(result.stdout.includes('naru: '), false, `naru ${command}: errors go to standard error`);
    }
    const { items } = await cluster.json<{ items: readonly Pod[] }>('get', 'pods', '-l', 'seen=yes');
    assert.equal(items.length, 3);
  });

  test('an edit is written, refused with the reason, or left alone', async () => {
    const edit = (editor: string) => naru('edit deploy/web', { EDITOR: editor, TMPDIR: cluster.scratch });
    const kept = (): readonly string[] => readdirSync(cluster.scratch).filter((name) => name.startsWith('naru-edit-'));
    assert.match(said(await edit('sed -i "s/replicas: 3/replicas: 1/"')), /^deployment\.apps\/web edited$/m);
    const { spec } = await cluster.json<Deployment>('get', 'deploy', 'web');
    assert.equal(spec?.replicas, 1);
    assert.match(said(await edit('true')), /nothing was changed/);
    assert.deepEqual(kept(), [], 'nothing is left of edits that were written');
    const refused = await edit('sed -i "s/replicas: 1$/replicas: -1/"');
    assert.equal(refused.code, 1);
    assert.match(said(refused), /spec\.replicas: Invalid value.*your edit is kept in/);
    assert.equal(kept().length, 1);
    const failed = await edit('false');
    assert.match(said(failed), /the editor \(false\) ended with 1/);
  });

  test('a deletion waits, says what holds the object, and goes on without the command', async () => {
    await cluster.mustKubectl('create', 'configmap', 'held');
    await cluster.mustKubectl('patch', 'configmap', 'held', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}');
    const late = await naru('delete configmap held --timeout 3s');
    assert.equal(late.code, 1);
    assert.match(late.stdout, /^configmap "held" deleted from default namespace$/m);
    assert.match(late.stderr, /waiting: configmap\/held is held by finalizer example\.com\/hold/);
    assert.match(late.stderr, /not gone within 3 s/);
    const waiting = naru('delete configmap held');
    await cluster.mustKubectl('patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    const result = await waiting;
    assert.ok(result.code === 0 || /not found/.test(result.stderr), said(result));
    const file = path.join(cluster.scratch, 'web.yaml');
    assert.match(said(await naru(`delete -f ${file}`)), /^service "web" deleted .*\ndeployment\.apps "web" deleted /m);
    assert.match(said(await naru(`delete -f ${file}`)), /services "web" not found\ndeployments\.apps "web" not found/);
    await eventually('the pods are gone', async () => (await cluster.mustKubectl('get', 'pods', '-o', 'name')) === '');
  });

  test('without a cluster each says how to get one, and no stack', async () => {
    const nowhere = path.join(os.tmpdir(), `naru-none-${process.pid}`);
    for (const command of ['logs a', 'exec a -- b', 'delete pod a', 'scale deploy/a --replicas 1', 'edit deploy/a']) {
      const result = await naru(command, { NARU_HOME: nowhere, HOME: nowhere, KUBECONFIG: '' });
      assert.equal(result.code, 1, command);
      assert.match(result.stderr, /^naru: no cluster found: .*naru up\n$/, command);
    }
  });
});
