/**
 * Objects as upstream's messages show them: by the names that their fields have in Go, in Go's order, with null for those that
 * are pointers or lists and absent. Only for messages.
 */

/** `fields`: each in its order, with what stands for an absent one. */
export function internalForm(
  value: object | undefined,
  fields: readonly (readonly [name: string, absent: unknown])[],
): object {
  const given = (value ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(fields.map(([name, absent]) => [goName(name), goValue(given[name]) ?? absent]));
}

function goName(name: string): string {
  return irregular[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}

const irregular: Readonly<Record<string, string>> = { seLinuxOptions: 'SELinuxOptions', ip: 'IP' };

function goValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(goValue);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [goName(name), goValue(each)]));
}
