/**
 * Authorization as kubectl sees it: a webhook in front of nodes and roles, what is told of refusals and faults, the reviews, the lists of what
 * the default roles allow, and what of it stands in the audit log.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Cluster, startCluster } from '../../src/cluster.ts';
import { homeOf } from '../../src/home.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { ReviewService } from '../../src/server/authorization/testing.ts';
import { eventually, findKubectl, run } from '../harness.ts';

const configuration = (kubeConfigFile: string): string => `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
  - type: Webhook
    name: hook.example
    webhook:
      timeout: 3s
      subjectAccessReviewVersion: v1
      matchConditionSubjectAccessReviewVersion: v1
      failurePolicy: Deny
      connectionInfo:
        type: KubeConfigFile
        kubeConfigFile: ${kubeConfigFile}
      matchConditions:
        - expression: has(request.resourceAttributes)
        - expression: request.user in ['ann', 'eve']
        - expression: request.resourceAttributes.group != 'authorization.k8s.io'
  - type: Node
    name: node
  - type: RBAC
    name: rbac
`;

const policy = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', users: ['ann', 'eve', 'naru-admin', 'vera'] }, { level: 'None' }],
});

interface AuditEvent {
  readonly requestURI: string;
  readonly verb: string;
  readonly responseStatus?: { readonly code?: number };
  readonly impersonatedUser?: { readonly username?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

describe('authorization', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-authorization-'));
  const auditLog = path.join(folder, 'audit.log');
  const file = path.join(folder, 'authorization.yaml');
  let service: ReviewService;
  let cluster: Cluster;

  before(async () => {
    service = await ReviewService.start();
    writeFileSync(file, configuration(service.kubeConfigFile));
    writeFileSync(path.join(folder, 'policy.json'), policy);
    cluster = await startCluster({
      home: homeOf(path.join(folder, 'home')),
      clock: new RealClock({ keepsAlive: true }),
      nodes: { kind: 'simulated', count: 1 },
      guardFiles: { authorizationConfig: file },
      audit: { policyFile: path.join(folder, 'policy.json'), logPath: auditLog },
    });
  });
  after(async () => {
    await cluster.close();
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function kubectl(command: string, input?: object): Promise<string> {
    const body = path.join(folder, 'body.json');
    if (input !== undefined) writeFileSync(body, JSON.stringify(input));
    const args = [...command.split(' '), ...(input === undefined ? [] : ['-f', body])];
    const { stdout, stderr } = await run(await findKubectl(), ['--kubeconfig', cluster.kubeconfig, ...args]);
    return stdout + stderr;
  }

  const rows: readonly (readonly [reaction: Parameters<typeof react>[0], command: string, said: RegExp])[] = [
    [{ allowed: true, reason: 'hook says yes' }, 'get pods --as=ann', /No resources found in default namespace/],
    [
      { allowed: false, denied: true, reason: 'hook says no' },
      'get secrets --as=ann',
      /secrets is forbidden: User "ann" cannot list resource "secrets" in API group "" in the namespace "default": hook says no$/m,
    ],
    [
      { code: 400 },
      'get configmaps --as=ann',
      /Error from server \(InternalError\): an error on the server \("Internal Server Error: .*the webhook answered with status 400"\) has prevented the request from succeeding/,
    ],
    [{ allowed: false, denied: true }, 'get nodes', /simulated-1/],
    [
      { allowed: false, reason: 'hook has no opinion' },
      'get pods --as=eve',
      /in the namespace "default": hook has no opinion$/m,
    ],
  ];

  function react(reaction: ReturnType<ReviewService['react']>): void {
    service.react = () => reaction;
  }

  test('a webhook allows, denies, fails closed, is not asked about administrators, and has no opinion', async () => {
    for (const [reaction, command, said] of rows) {
      react(reaction);
      assert.match(await kubectl(command), said, command);
    }
    const { spec } = service.asked[0] ?? assert.fail('nobody was asked');
    assert.equal(spec.user, 'ann');
    assert.deepEqual(spec.resourceAttributes, { namespace: 'default', verb: 'list', version: 'v1', resource: 'pods' });
    const selected = 'get pods -l app=web --field-selector=spec.nodeName=n1 --as=ann';
    react({ allowed: true });
    await kubectl(selected);
    assert.deepEqual(service.asked.at(-1)?.spec.resourceAttributes?.fieldSelector?.requirements, [
      { key: 'spec.nodeName', operator: 'In', values: ['n1'] },
    ]);
    assert.ok(!service.asked.some(({ spec: { user } }) => user === 'naru-admin' || user?.startsWith('system:')));
  });

  test('a review tells of the webhook and of selectors that are none', async () => {
    react({ allowed: false, denied: true, reason: 'never' });
    const review = (resourceAttributes: object) => ({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: 'ann', groups: ['devs'], resourceAttributes },
    });
    const ask = async (attributes: object): Promise<unknown> =>
      (JSON.parse(await kubectl('create -o json', review(attributes))) as { readonly status: unknown }).status;
    const services = { verb: 'list', resource: 'services' };
    assert.deepEqual(await ask(services), { allowed: false, denied: true, reason: 'never' });
    assert.deepEqual(await ask({ ...services, labelSelector: { rawSelector: '((' } }), {
      allowed: false,
      denied: true,
      reason: 'never',
      evaluationError: 'spec.resourceAttributes.labelSelector ignored due to parse error',
    });
    const refused = await kubectl('create', review({ ...services, fieldSelector: {} }));
    assert.match(refused, /spec\.resourceAttributes\.fieldSelector\.requirements: Required value: when spec\./);
    assert.match(await kubectl('auth can-i list services --as=ann'), /^no - never$/m);
  });

  test('who one is, and the list of what one may, with a word on what it lacks', async () => {
    assert.match(
      await kubectl('auth whoami --as=vera --as-group=devs'),
      /^Username +vera$[^]*\[devs system:authenticated\]/m,
    );
    const list = await kubectl('auth can-i --list --as=vera');
    assert.match(list, /^selfsubjectreviews\.authentication\.k8s\.io +\[\] +\[\] +\[create\]$/m);
    assert.match(list, /the list may be incomplete: webhook authorizer does not support user rule resolution/);
  });

  const lists: readonly (readonly [role: string, lines: readonly RegExp[]])[] = [
    ['system:kube-dns', [/^endpoints +\[\] +\[\] +\[list watch\]$/m, /^services +\[\] +\[\] +\[list watch\]$/m]],
    ['system:monitoring', [/^nodes\/metrics +\[\] +\[\] +\[get\]$/m, /^ +\[\/metrics\] +\[\] +\[get\]$/m]],
    [
      'system:controller:job-controller',
      [
        /^jobs\.batch +\[\] +\[\] +\[get list patch update watch\]$/m,
        /^pods +\[\] +\[\] +\[create delete list patch watch\]$/m,
      ],
    ],
    ['view', [/^pods\/log +\[\] +\[\] +\[get list watch\]$/m, /^deployments\.apps +\[\] +\[\] +\[get list watch\]$/m]],
    ['edit', [/^pods\/eviction +\[\] +\[\] +\[create\]$/m, /^secrets +\[\] +\[\] +\[.*get list watch.*\]$/m]],
    [
      'admin',
      [
        /^roles\.rbac\.authorization\.k8s\.io +\[\] +\[\] +\[create delete deletecollection get list patch update watch\]$/m,
      ],
    ],
    [
      'system:kube-scheduler',
      [/^leases\.coordination\.k8s\.io +\[\] +\[kube-scheduler\] +\[get list update watch\]$/m],
    ],
    ['cluster-admin', [/^\*\.\* +\[\] +\[\] +\[\*\]$/m, /^ +\[\*\] +\[\] +\[\*\]$/m]],
  ];

  test('what the default roles allow stands in the lists of those who are bound to them', async () => {
    for (const [role, lines] of lists) {
      const who = `test-${role.replaceAll(':', '-')}`;
      await kubectl(`create clusterrolebinding ${who} --clusterrole=${role} --user=${who}`);
      const list = await kubectl(`auth can-i --list --as=${who}`);
      for (const line of lines) assert.match(list, line, role);
      const isViewer = role === 'view';
      if (isViewer) assert.doesNotMatch(list, /^secrets /m);
    }
  });

  test('the policy counts among what makes the server ready', async () => {
    const check = '[+]poststarthook/rbac/bootstrap-roles ok';
    const ready = await eventually('the policy', async () => {
      const text = await kubectl('get --raw /readyz?verbose');
      return text.includes(check) ? text : undefined;
    });
    assert.match(ready, /readyz check passed/);
    assert.match(await kubectl('get --raw /livez/poststarthook/rbac/bootstrap-roles'), /^ok/);
  });

  test('the decisions are counted', async () => {
    const metrics = await kubectl('get --raw /metrics');
    assert.match(metrics, /decisions_total\{type="Webhook",name="hook\.example",decision="denied"\} [1-9]/);
    assert.match(metrics, /decisions_total\{type="RBAC",name="rbac",decision="allowed"\} [1-9]/);
    assert.match(metrics, /decisions_total\{type="Node",name="node",decision="allowed"\} [1-9]/);
  });

  test('the audit log says how each request was decided, and why', async () => {
    const find = (uri: RegExp, user: string): Promise<AuditEvent> =>
      eventually(`${uri} in the audit log`, async () => {
        const events = readFileSync(auditLog, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as AuditEvent);
        return events.find(
          ({ requestURI, impersonatedUser }) => uri.test(requestURI) && impersonatedUser?.username === user,
        );
      });
    const decided = async (uri: RegExp, user: string) => {
      const { annotations = {}, responseStatus } = await find(uri, user);
      return [
        annotations['authorization.k8s.io/decision'],
        annotations['authorization.k8s.io/reason'],
        responseStatus?.code,
      ];
    };
    assert.deepEqual(await decided(/\/pods\?/, 'ann'), ['allow', 'hook says yes', 200]);
    assert.deepEqual(await decided(/\/secrets\?/, 'ann'), ['forbid', 'hook says no', 403]);
    assert.deepEqual(await decided(/\/configmaps\?/, 'ann'), [undefined, 'internal error', 500]);
    const [decision, reason] = await decided(/selfsubjectrulesreviews/, 'vera');
    assert.equal(decision, 'allow');
    assert.match(
      String(reason),
      /^RBAC: allowed by ClusterRoleBinding "system:basic-user" of ClusterRole "system:basic-user"/,
    );
  });

  test('a change of the file takes effect, and a file with a fault does not', async () => {
    react({ allowed: false, denied: true, reason: 'still there' });
    writeFileSync(file, 'kind: Nonsense');
    await eventually('the complaint', async () =>
      /automatic_reloads_total\{status="failure"\} 1/.test(await kubectl('get --raw /metrics')) ? true : undefined,
    );
    assert.match(await kubectl('get endpoints --as=ann'), /still there/);
    writeFileSync(file, configuration(service.kubeConfigFile).replace("['ann', 'eve']", "['eve']"));
    await eventually('the new file', async () =>
      (await kubectl('get endpoints --as=ann')).includes('still there') ? undefined : true,
    );
    assert.match(await kubectl('get endpoints --as=eve'), /still there/);
  });

  test('a cluster does not start with a file that cannot be used', async () => {
    const bad = path.join(folder, 'bad.yaml');
    writeFileSync(
      bad,
      'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\nauthorizers: [{type: ABAC, name: a}]\n',
    );
    await assert.rejects(
      startCluster({ nodes: { kind: 'none', name: 'x' }, guardFiles: { authorizationConfig: bad } }),
      /bad\.yaml cannot be used: authorizers\[0\]\.type: Unsupported value: "ABAC"/,
    );
  });
});
