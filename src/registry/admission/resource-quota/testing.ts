/**
 * For tests of quotas: a quota whose status says what it bounds, as the control loop would write it.
 *
 * Not for production: nothing outside of tests imports this file.
 */
import type { Loose, TestRegistry } from '../../testing.ts';

export interface TestQuota {
  readonly hard: Readonly<Record<string, string>>;
  /** Nothing is used where absent. */
  readonly used?: Readonly<Record<string, string>>;
  readonly scopes?: readonly string[];
  readonly scopeSelector?: object;
}

export async function addQuota(
  registry: TestRegistry,
  { hard, used, scopes, scopeSelector }: TestQuota,
  name = 'quota',
): Promise<void> {
  const spec = { hard, ...(scopes && { scopes }), ...(scopeSelector && { scopeSelector }) };
  const metadata = { name };
  await registry.create('resourcequotas', { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec });
  const none = Object.fromEntries(Object.keys(hard).map((each) => [each, '0']));
  const status = { hard, used: { ...none, ...used } };
  await registry.patch('resourcequotas', name, { status }, { type: 'merge', subresource: 'status' });
}

export async function usedOf(registry: TestRegistry, name = 'quota'): Promise<unknown> {
  const { status } = (await registry.get('resourcequotas', name)) as Loose & { status: { used?: unknown } };
  return status.used;
}

/** A ConfigMap's data that passes every rule, and is too large for the store. */
export const tooLarge = {
  data: Object.fromEntries(Array.from({ length: 6500 }, (_, index) => [`${'k'.repeat(240)}${index}`, ''])),
};
