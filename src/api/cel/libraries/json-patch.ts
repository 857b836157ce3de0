/** `jsonpatch.escapeKey`, and the type `JSONPatch` that a MutatingAdmissionPolicy makes its operations of (RFC 6902, RFC 6901). */
import { traversal } from '../../../lib/cel/costs.ts';
import type { CelLibrary } from '../../../lib/cel/declarations.ts';
import { type CelObjectType, celTypes } from '../../../lib/cel/types.ts';

/** Both in one step, so that the `~` of an escape is not escaped again. */
const escapeKey = (key: string): string => key.replace(/[~/]/g, (character) => (character === '/' ? '~1' : '~0'));

export const jsonPatchLibrary: CelLibrary = {
  name: 'kubernetes.jsonpatch',
  functions: { 'jsonpatch.escapeKey(string): string': { run: escapeKey, cost: traversal(0, undefined, true) } },
};

export const jsonPatchType: CelObjectType = {
  kind: 'object',
  name: 'JSONPatch',
  fields: new Map([
    ['op', { type: celTypes.string }],
    ['path', { type: celTypes.string }],
    ['from', { type: celTypes.string }],
    ['value', { type: celTypes.dyn }],
  ]),
};
