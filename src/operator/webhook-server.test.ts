import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import type { Resource } from '../client/client.ts';
import { configMaps, secrets } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { WebhookServer } from './webhook-server.ts';
import { allow, validating, type Webhook } from './webhooks.ts';

const service = { namespace: 'default', name: 'hooks' };
const secret = { namespace: 'default', name: 'hooks-webhook-certificate' };

const configurations: Resource<KubeObject & { readonly webhooks: readonly { clientConfig: { caBundle?: string } }[] }> =
  {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingWebhookConfiguration',
    resource: 'validatingwebhookconfigurations',
    namespaced: false,
  };

const hook = validating(configMaps, () => allow());

function server({ client, clock, log }: TestApi, webhooks: readonly Webhook[] = [hook]): WebhookServer {
  return new WebhookServer({ client, clock, log, webhooks, service, port: 0, host: '127.0.0.1' });
}

/** As the API calls it: trusting `ca` alone. */
async function post(
  port: number,
  ca: string,
  body: string,
  path = hook.path,
): Promise<{ status: number; text: string }> {
  const options = { host: '127.0.0.1', port, path, method: 'POST', ca, servername: 'hooks.default.svc', agent: false };
  const sent = request(options);
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text };
}

describe('the webhook server', { timeout: 60_000 }, () => {
  test('answers bad requests and failing webhooks with a status, and lives on', async () => {
    const api = await startTestApi();
    const broken: Webhook = { path: '/broken', kind: 'validating', answer: () => Promise.resolve({ big: 1n }) };
    const hooks = server(api, [hook, broken]);
    await hooks.start();
    try {
      assert.deepEqual(await post(hooks.port, hooks.authority, '{'), {
        status: 400,
        text: '{"message":"the body is not JSON"}',
      });
      assert.equal((await post(hooks.port, hooks.authority, '{}')).status, 400);
      assert.equal((await post(hooks.port, hooks.authority, '{}', '/none')).status, 404);
      assert.equal((await post(hooks.port, hooks.authority, '{}', '/broken')).status, 500, 'what is no JSON');
      assert.equal((await post(hooks.port, hooks.authority, '{')).status, 400);
    } finally {
      await hooks.close();
    }
  });

  test('a new authority is trusted beside the one before, which other copies still serve', async () => {
    const api = await startTestApi();
    const first = server(api);
    await first.start();
    const before = first.authority;
    const other = new WebhookServer({ ...api, webhooks: [hook], service, port: 0, host: '127.0.0.1', names: ['more'] });
    await other.start();
    try {
      assert.ok(other.authority.includes(before.trim()), 'the old one is in the bundle');
      assert.equal((await post(first.port, other.authority, '{}')).status, 400, 'the old copy is trusted');
      assert.equal((await post(other.port, other.authority, '{}')).status, 400, 'and so is the new one');
    } finally {
      await first.close();
      await other.close();
    }
  });

  test('a Secret with rubbish in it is replaced', async () => {
    const api = await startTestApi();
    const data = { 'tls.crt': btoa('x'), 'tls.key': btoa('y'), 'ca.crt': btoa('z') };
    await api.client.create(secrets, { metadata: secret, type: 'kubernetes.io/tls', data });
    const hooks = server(api);
    await hooks.start();
    assert.equal((await post(hooks.port, hooks.authority, '{}')).status, 400);
    await hooks.close();
  });

  test('a configuration that comes later is told whom to trust within a minute; nothing goes on after the end', async () => {
    const api = await startTestApi();
    const hooks = server(api);
    await hooks.start();
    await api.client.create(configurations, {
      metadata: { name: 'late' },
      webhooks: [
        {
          name: 'late.example.com',
          clientConfig: { service: { ...service, path: hook.path } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    } as never);
    await api.clock.advance(61_000);
    const { webhooks } = await api.client.get(configurations, { namespace: '', name: 'late' });
    assert.equal(atob(webhooks[0]?.clientConfig.caBundle ?? ''), hooks.authority);
    hooks.destroy();
    assert.equal(hooks.port, 0);
    await api.client.delete(secrets, secret);
    await api.clock.advance(120_000);
    await assert.rejects(api.client.get(secrets, secret), /not found/);
  });
});
