/** `apps-v1`, `core-v1`, `meta-v1`: the first label of the group and the version. */
export function fileName({ group, version }: { readonly group: string; readonly version: string }): string {
  return `${group === '' ? 'core' : group.split('.')[0]}-${version}`;
}
