/** Freezes a JSON value through and through, and returns it. What is frozen already is taken to be so all the way down, and not walked again. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) freezeTree(value);
  return value;
}

function freezeTree(value: object): void {
  Object.freeze(value);
  for (const name in value) {
    const child = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof child === 'object' && child !== null && !Object.isFrozen(child)) freezeTree(child);
  }
}
