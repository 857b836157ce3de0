/** How far policies reach: custom kinds, subresources, what stores nothing; and authorizers that answer late. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AuthorizerValue } from '../../../api/cel/libraries/authorizer.ts';
import type { JsonObject, KubeObject } from '../../../api/object.ts';
import { resourceTable } from '../../../api/resource-table.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import { VirtualClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/log.ts';
import { SeededPrng } from '../../../lib/prng.ts';
import { MemoryStore } from '../../../store/memory-store.ts';
import { bootstrap } from '../../bootstrap.ts';
import { makeDefinition, makeWidget, startCustomRegistry } from '../../custom/testing.ts';
import { Registry } from '../../registry.ts';
import type { AuthorizationAttributes } from '../../request.ts';
import { make, TestRegistry } from '../../testing.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { admissionPlugins } from '../plugins.ts';
import { MutatingPolicies } from './mutating.ts';
import { questionsTo, settled } from './questions.ts';
import { Policies, startPolicies } from './testing.ts';

const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer', default: 1 },
          'dashed-name': { type: 'string' },
          tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
          parts: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: {
              type: 'object',
              required: ['name'],
              properties: { name: { type: 'string' }, count: { type: 'integer', default: 7 } },
            },
          },
          loose: { type: 'array', items: { type: 'string' } },
        },
      },
    },
  },
} as const;

void describe('policies and custom kinds', () => {
  const on = 'example.com/v1 widgets';
  const start = async (versions: readonly object[] = [{ schema }]) => {
    const cluster = await startCustomRegistry();
    await cluster.define(makeDefinition({ versions }));
    return { cluster, policies: new Policies(cluster) };
  };

  void test('a validating one reads fields by the names that they have', async () => {
    const { cluster, policies } = await start();
    const expression = "object.spec.size < 3 && object.spec['dashed-name'] == 'x' && object.metadata.labels.a == 'b'";
    await policies.validating('p', { on, validations: [{ expression }] });
    await policies.bindValidating('p');
    const metadata = { labels: { a: 'b' } };
    await cluster.create('widgets.example.com', makeWidget('fits', { metadata, spec: { 'dashed-name': 'x' } }));
    const large = makeWidget('large', { metadata, spec: { 'dashed-name': 'x', size: 3 } });
    const message = await policies.refused(cluster.create('widgets.example.com', large));
    assert.match(message, /^widgets\.example\.com "large" is forbidden: ValidatingAdmissionPolicy 'p'/);
    await cluster.close();
  });

  void test('a mutating one merges by the schema’s keys, and what it adds gets its defaults and loses what is unknown', async () => {
    const { cluster, policies } = await start();
    await policies.mutating('p', {
      on,
      apply: [
        'Object{spec: Object.spec{tags: ["new"], parts: [Object.spec.parts{name: "a", count: 1}, Object.spec.parts{name: "b"}]}}',
      ],
      json: ['[JSONPatch{op: "add", path: "/spec/unknown", value: 1}]'],
    });
    await policies.bindMutating('p');
    const spec = { tags: ['old'], parts: [{ name: 'a', count: 5 }, { name: 'c' }] };
    const made: unknown = await cluster.create('widgets.example.com', makeWidget('one', { spec }));
    assert.deepEqual((made as { spec: object }).spec, {
      size: 1,
      tags: ['old', 'new'],
      parts: [
        { name: 'a', count: 1 },
        { name: 'c', count: 7 },
        { name: 'b', count: 7 },
      ],
    });
    await cluster.close();
  });

  void test('a mutating one may not replace a list without keys, nor set what the schema does not have', async () => {
    const { cluster, policies } = await start();
    const rows = [
      ['Object{spec: Object.spec{loose: ["a"]}}', 'may not mutate atomic arrays, maps or structs: .spec.loose'],
      ['Object{spec: Object.spec{other: 1}}', '.spec.other: field not declared in schema'],
      ['Object{spec: Object.spec{size: "x"}}', '.spec.size: expected numeric (int or float), got string'],
    ] as const;
    for (const [index, [expression, why]] of rows.entries()) {
      await policies.mutating(`p${index}`, { on, apply: [expression] });
      await policies.bindMutating(`p${index}`, {}, 'bound');
      const message = await policies.refused(cluster.create('widgets.example.com', makeWidget('one', { spec: {} })));
      assert.ok(message.endsWith(why), message);
      await cluster.delete('mutatingadmissionpolicybindings.admissionregistration.k8s.io', 'bound');
    }
    await cluster.close();
  });

  void test('one version is matched through the other, and seen as the one that the policy names', async () => {
    const { cluster, policies } = await start([{ schema }, { name: 'v2', storage: false, schema }]);
    await policies.validating('p', { on, validations: [{ expression: "object.apiVersion != 'example.com/v1'" }] });
    await policies.bindValidating('p');
    const widget = { ...makeWidget('one'), apiVersion: 'example.com/v2' };
    await policies.refused(cluster.create('widgets.v2.example.com', widget));
    await cluster.close();
  });

  void test('objects of custom kinds are parameters as soon as their kind is served', async () => {
    const { cluster, policies } = await start();
    await policies.validating('p', {
      paramKind: { apiVersion: 'example.com/v1', kind: 'Widget' },
      validations: [{ expression: 'size(object.metadata.name) <= params.spec.size' }],
    });
    await policies.bindValidating('p', { paramRef: { name: 'limit', parameterNotFoundAction: 'Deny' } });
    await cluster.create('widgets.example.com', makeWidget('limit', { spec: { size: 3 } }));
    await cluster.create('configmaps', make.configMap({}, 'abc'));
    await policies.refused(cluster.create('configmaps', make.configMap({}, 'abcd')));
    await cluster.close();
  });
});

void describe('policies and subresources', () => {
  void test('a status is a subresource of its own', async () => {
    const policies = await startPolicies();
    const { cluster } = policies;
    await cluster.create('pods', make.pod());
    await policies.validating('p', {
      on: 'v1 pods/status',
      operations: ['UPDATE'],
      validations: [{ expression: "request.subResource == 'status' && object.status.phase != 'Failed'" }],
    });
    await policies.bindValidating('p');
    const status = (phase: string): Promise<unknown> =>
      cluster.patch('pods', 'pod', { status: { phase } }, { subresource: 'status' });
    await status('Running');
    await policies.refused(status('Failed'));
    await cluster.patch('pods', 'pod', { metadata: { labels: { a: 'b' } } });
  });

  void test('an eviction and a binding are objects of their own kinds', async () => {
    const policies = await startPolicies();
    const { cluster } = policies;
    await cluster.create('pods', make.pod());
    await cluster.create('nodes', make.node());
    await policies.validating('p', {
      on: 'v1 pods/*',
      operations: ['CREATE'],
      validations: [
        {
          expression: "request.kind.kind != 'Eviction' && object.target.name != 'n1'",
          messageExpression: "request.kind.kind + ' of ' + request.name",
        },
      ],
    });
    await policies.bindValidating('p');
    const binding = { metadata: { name: 'pod' }, target: { kind: 'Node', name: 'n1' } };
    const bind = cluster.create('pods', binding, { name: 'pod', subresource: 'binding' });
    assert.match(await policies.refused(bind), /denied request: Binding of pod$/);
    const evict = cluster.create('pods', { metadata: { name: 'pod' } }, { name: 'pod', subresource: 'eviction' });
    assert.match(await policies.refused(evict), /denied request: Eviction of pod$/);
  });
});

void describe('policies and connections', () => {
  const exec = (policies: Policies, options: JsonObject): Promise<{ readonly options: JsonObject }> => {
    const target = policies.cluster.target('pods', { name: 'pod', subresource: 'exec' });
    return policies.cluster.registry.connect(target, options, {});
  };

  void test('what is asked of a pod is the object, and a refusal names the pod', async () => {
    const policies = await startPolicies();
    await policies.validating('p', {
      on: 'v1 pods/exec',
      operations: ['CONNECT'],
      validations: [
        { expression: "object.kind == 'PodExecOptions' && object.command[0] != 'rm' && oldObject == null" },
      ],
    });
    await policies.bindValidating('p');
    await exec(policies, { command: ['ls'], container: 'main' });
    const message = await policies.refused(exec(policies, { command: ['rm'], container: 'main' }));
    assert.match(
      message,
      /^pods "pod" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request/,
    );
  });

  void test('may be made otherwise than they were asked for', async () => {
    const policies = await startPolicies();
    await policies.mutating('p', {
      on: 'v1 pods/exec',
      operations: ['CONNECT'],
      json: ['[JSONPatch{op: "add", path: "/container", value: "sandbox"}]'],
    });
    await policies.bindMutating('p');
    const { options } = await exec(policies, { command: ['ls'], stdout: true });
    assert.deepEqual([options['container'], options['command']], ['sandbox', ['ls']]);
  });
});

void describe('policies and those who change objects after them', () => {
  const started = async (reinvocationPolicy: string): Promise<JsonObject | undefined> => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock, log: silentLogger });
    await store.start();
    const common = { store, clock, prng: new SeededPrng(1), log: silentLogger };
    const after: AdmissionPlugin = {
      name: 'AsAWebhook',
      mutate: ({ collection, draft, reinvocation }) => {
        if (collection !== 'configmaps' || draft?.metadata === undefined || reinvocation.round === 1) return;
        draft.metadata.labels = { ...draft.metadata.labels, webhook: 'yes' };
        reinvocation.isWanted = true;
      },
    };
    const admission = [new MutatingPolicies({}), after];
    const registry = new Registry({ ...common, schema: builtinSchema(), resources: resourceTable(), admission });
    await bootstrap(registry);
    const policies = new Policies(new TestRegistry({ clock, store, registry }));
    const seen = 'has(object.metadata.labels) && "webhook" in object.metadata.labels ? "yes" : "no"';
    const apply = [`Object{metadata: Object.metadata{annotations: {"seen": ${seen}}}}`];
    await policies.mutating('p', { reinvocationPolicy, apply });
    await policies.bindMutating('p');
    const made: KubeObject = (await policies.cluster.createResult('configmaps', make.configMap())).object;
    await store.close();
    return made.metadata?.annotations;
  };

  void test('are asked again where they want to be', async () =>
    assert.deepEqual(await started('IfNeeded'), { seen: 'yes' }));

  void test('are not asked again where they do not', async () =>
    assert.deepEqual(await started('Never'), { seen: 'no' }));
});

void describe('authorizers that answer late', () => {
  const lateAuthorizer = (asked: string[]) => ({
    decide: async ({ verb, resource, name }: AuthorizationAttributes) => {
      asked.push(`${verb} ${resource} ${name}`);
      await Promise.resolve();
      return { allowed: verb === 'get', reason: '' };
    },
  });

  void test('are waited for, and asked each question once', async () => {
    const clock = new VirtualClock();
    const store = new MemoryStore({ clock, log: silentLogger });
    await store.start();
    const asked: string[] = [];
    const common = { store, clock, prng: new SeededPrng(1), log: silentLogger };
    const admission = admissionPlugins({ ...common, authorizer: lateAuthorizer(asked) });
    const registry = new Registry({ ...common, schema: builtinSchema(), resources: resourceTable(), admission });
    await bootstrap(registry);
    const policies = new Policies(new TestRegistry({ clock, store, registry }));
    const may = (verb: string): string =>
      `authorizer.group('').resource('secrets').name('x').check('${verb}').allowed()`;
    await policies.validating('p', {
      variables: [{ name: 'reads', expression: may('get') }],
      validations: [
        { expression: `variables.reads && ${may('get')}` },
        { expression: `!(${may('delete')})` },
        { expression: "!authorizer.requestResource.check('bind').allowed()" },
      ],
    });
    await policies.bindValidating('p');
    asked.length = 0;
    await policies.cluster.create('configmaps', make.configMap());
    assert.deepEqual(asked, ['get secrets x', 'delete secrets x', 'bind configmaps config']);
    await store.close();
  });

  void test('end with the question where they always ask for more', async () => {
    let rounds = 0;
    const questions = questionsTo({ decide: () => Promise.resolve({ allowed: true, reason: '' }) });
    const user = { name: 'tester', groups: [] };
    const evaluate = (): number => {
      rounds++;
      const { questions: asked } = new AuthorizerValue(user, questions);
      const question = {
        user,
        verb: `verb${rounds}`,
        path: '/x',
        group: '',
        resource: '',
        subresource: '',
        namespace: '',
      };
      try {
        asked.answer({ ...question, name: '', fieldSelector: '', labelSelector: '' });
      } catch {
        // Not answered yet.
      }
      return rounds;
    };
    assert.equal(await settled(questions, evaluate), 100);
  });
});
