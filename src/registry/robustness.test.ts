import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import type { Field, MessageType, Type } from '../api/schema/schema.ts';
import { StatusError } from '../api/status-error.ts';
import { startRegistry } from './testing.ts';

/** What a field may hold at worst: there, but empty; filled with the wrong thing of the right type; lists of objects without a field, and nothing else. */
type Filling = 'empty' | 'wrong' | 'hollow';

const depthMax = 6;

function fill(type: MessageType, filling: Filling, depth = 0): object {
  const fields = [...type.fieldsByName.values()].filter((field) => !field.inline);
  const values = fields.map((field) => [field.name, fillField(field, filling, depth)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function fillField(field: Field, filling: Filling, depth: number): unknown {
  return depth > depthMax ? undefined : fillType(field.type, filling, depth);
}

function fillType(type: Type, filling: Filling, depth: number): unknown {
  switch (type.kind) {
    case 'message':
      return fill(type.message, filling, depth + 1);
    case 'list': {
      if (filling === 'hollow' && type.element.kind === 'message') return [{}];
      const item = fillType(type.element, filling, depth + 1);
      return item === undefined ? [] : [item, item];
    }
    case 'map':
      return { '': fillType(type.value, filling, depth + 1) ?? null };
    case 'scalar':
      // Nothing that would opt out of anything.
      if (filling === 'hollow') return undefined;
      if (type.scalar === 'boolean') return filling === 'wrong';
      if (type.scalar === 'string') return filling === 'wrong' ? '/%' : '';
      return type.scalar === 'bytes' ? '' : filling === 'wrong' ? -7 : 0;
    case 'special':
      return fillSpecial(type.form, filling);
  }
}

function fillSpecial(form: string, filling: Filling): unknown {
  if (form === 'quantity') return filling === 'wrong' ? '-3' : '0';
  if (form === 'int-or-string') return filling === 'wrong' ? 'x y' : 0;
  return undefined;
}

test('no body, however odd, gets more than a refusal in the API’s own form', async () => {
  const cluster = await startRegistry();
  // Pods get their account's token, as in a real cluster: admission goes through volumes and mounts that nobody has validated yet.
  await cluster.patch('serviceaccounts', 'default', { automountServiceAccountToken: null }, { type: 'merge' });
  const schema = builtinSchema();
  const stored = resourceTable().all.filter(({ verbs }) => verbs.includes('create') && verbs.includes('get'));
  for (const info of stored) {
    const type = schema.kind(info);
    assert.ok(type);
    for (const filling of ['empty', 'wrong', 'hollow'] as const) {
      const {
        metadata: _metadata,
        apiVersion: _version,
        kind: _kind,
        ...rest
      } = fill(type, filling) as Record<string, unknown>;
      const bodies = [{}, { spec: {} }, { spec: null, status: null }, rest];
      for (const body of bodies) {
        const target = cluster.target(`${info.resource}.${info.version}.${info.group}`.replace(/\.$/, ''));
        const attempt = cluster.registry.create(target, { metadata: { generateName: 'x-' }, ...body }, {});
        await attempt.catch((error: unknown) => {
          if (error instanceof StatusError && error.code < 500) return;
          throw new Error(`${info.kind} ${filling} ${JSON.stringify(body).slice(0, 200)}`, { cause: error });
        });
      }
    }
  }
});
