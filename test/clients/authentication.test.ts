/** Who asks, as kubectl 1.36 sees it: tokens of an issuer that a file names, bootstrap tokens, anonymous requests, reviews. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../../src/lib/clock.ts';
import { TestIssuer } from '../../src/server/authentication/jwt/testing.ts';
import { eventually, findKubectl, run, TestCluster } from '../harness.ts';

const configuration = ({ url, ca }: TestIssuer, prefix = 'oidc:'): string => `
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: ${url}
    audiences: [naru]
    certificateAuthority: |
${ca.replace(/^/gm, '      ')}
  claimMappings:
    username: { claim: sub, prefix: "${prefix}" }
    groups: { expression: "claims.roles.map(role, '${prefix}' + role)" }
    uid: { claim: oid }
    extra:
    - { key: example.com/team, valueExpression: claims.team }
anonymous:
  enabled: true
  conditions:
  - path: /livez
`;

describe('authentication', () => {
  let cluster: TestCluster;
  let issuer: TestIssuer;
  const nowMs = (): number => new RealClock().now();

  before(async () => {
    issuer = await TestIssuer.start();
    await issuer.addKey('k1');
    cluster = await TestCluster.create();
    writeFileSync(path.join(cluster.home, 'authentication.yaml'), configuration(issuer));
    const file = path.join(cluster.home, 'authentication.yaml');
    await cluster.mustNaru('up', '--port', '0', '--wait', '--simulated-nodes', '1', '--authentication-config', file);
  });
  after(async () => {
    await TestCluster.closeAll();
    await issuer.close();
  });

  /** All that kubectl says, with nothing but the token. */
  const as = async (token: string, ...args: string[]): Promise<string> => {
    const { server } = cluster.connection;
    const flags = [`--server=${server}`, '--insecure-skip-tls-verify', '--kubeconfig=/dev/null'];
    const who = token === '' ? [] : [`--token=${token}`];
    const { stdout, stderr } = await run(await findKubectl(), [...args, ...flags, ...who]);
    return stdout + stderr;
  };
  const whoami = (token: string) => as(token, 'auth', 'whoami', '-o', 'json');
  const userOf = async (token: string): Promise<unknown> =>
    (JSON.parse(await whoami(token)) as { readonly status: { readonly userInfo: unknown } }).status.userInfo;

  test('a token of the issuer is its user, with groups, uid and extra fields, and roles hold for it', async () => {
    const token = await issuer.token({ sub: 'ann', roles: ['dev'], oid: '7', team: 'blue' }, nowMs());
    await eventually('the issuer', async () => ((await whoami(token)).includes('oidc:ann') ? true : undefined));
    assert.deepEqual(await userOf(token), {
      username: 'oidc:ann',
      uid: '7',
      groups: ['oidc:dev', 'system:authenticated'],
      extra: { 'example.com/team': ['blue'] },
    });
    assert.match(await as(token, 'get', 'pods'), /User "oidc:ann" cannot list resource "pods"/);
    await cluster.mustKubectl('create', 'rolebinding', 'devs', '--clusterrole=view', '--group=oidc:dev');
    assert.match(await as(token, 'get', 'pods'), /No resources found in default namespace/);
    const worn = await issuer.token({ sub: 'ann', roles: [], oid: '7', team: 'x', exp: 1_000_000 }, nowMs());
    assert.match(await as(worn, 'get', 'pods'), /You must be logged in to the server/);
  });

  test('a TokenReview asks the same authenticators, and tells why not', async () => {
    const review = async (token: string, audiences: readonly string[] = []): Promise<unknown> => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
      const { stdout, stderr } = await cluster.kubectl(['create', '-f', '-', '-o', 'json'], {
        input: JSON.stringify(body),
      });
      assert.equal(stderr, '');
      return (JSON.parse(stdout) as { readonly status: unknown }).status;
    };
    const good = await issuer.token({ sub: 'bob', roles: [], oid: '8', team: 'red' }, nowMs());
    const { user, authenticated, audiences } = (await review(good)) as Readonly<Record<string, unknown>>;
    assert.deepEqual([authenticated, audiences], [true, ['https://kubernetes.default.svc.cluster.local']]);
    assert.equal((user as { readonly username: string }).username, 'oidc:bob');
    assert.deepEqual(await review(good, ['elsewhere']), { user: {}, error: 'invalid bearer token' });
    assert.deepEqual(await review(await issuer.token({ sub: 'bob' }, nowMs())), {
      user: {},
      error:
        "[invalid bearer token, oidc: error evaluating group claim expression: expression 'claims.roles.map(role, 'oidc:' + role)' resulted in error: no such key: roles]",
    });
  });

  test('a bootstrap token is a bootstrapper until its Secret goes', async () => {
    const secret = [
      ...'create secret generic bootstrap-token-abcdef -n kube-system'.split(' '),
      '--type=bootstrap.kubernetes.io/token',
      '--from-literal=token-id=abcdef',
      '--from-literal=token-secret=0123456789abcdef',
      '--from-literal=usage-bootstrap-authentication=true',
      '--from-literal=auth-extra-groups=system:bootstrappers:workers',
    ];
    await cluster.mustKubectl(...secret);
    assert.deepEqual(await userOf('abcdef.0123456789abcdef'), {
      username: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'],
    });
    await cluster.mustKubectl('delete', 'secret', 'bootstrap-token-abcdef', '-n', 'kube-system');
    assert.match(await whoami('abcdef.0123456789abcdef'), /You must be logged in/);
  });

  test('anonymous requests are let in for the named path alone', async () => {
    const { server, authority } = cluster.connection;
    const statusOf = (requestPath: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const sent = request(`${server}${requestPath}`, { ca: authority }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        sent.on('error', reject);
        sent.end();
      });
    assert.deepEqual([await statusOf('/livez'), await statusOf('/livez?verbose')], [200, 200]);
    assert.deepEqual(
      [await statusOf('/livez/ping'), await statusOf('/version'), await statusOf('/api')],
      [401, 401, 401],
    );
  });

  test('whom the API trusts is published for the servers that extend it', async () => {
    const data = await eventually('the ConfigMap', async () => {
      const place = ['configmap', 'extension-apiserver-authentication', '-n', 'kube-system'];
      const { code, stdout } = await cluster.kubectl(['get', ...place, '-o', 'json']);
      return code === 0 ? (JSON.parse(stdout) as { readonly data: Record<string, string> }).data : undefined;
    });
    assert.equal(data['client-ca-file']?.trim(), cluster.connection.authority.trim());
  });

  test('a change of the file holds without a restart', async () => {
    writeFileSync(path.join(cluster.home, 'authentication.yaml'), configuration(issuer, 'new:'));
    const claims = { sub: 'eve', roles: [], oid: '9', team: 'green' };
    await eventually('the new prefix', async () => {
      const token = await issuer.token(claims, nowMs());
      return (await whoami(token)).includes('new:eve') ? true : undefined;
    });
  });
});
