/** The answer of subresources that do something and show nothing. */
import type { KubeObject } from '../../api/object.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';

export const success: KubeObject = deepFreeze({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  code: 201,
});
