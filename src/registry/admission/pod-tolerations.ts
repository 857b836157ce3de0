/** Upstream's DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or cannot be reached. */
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { Draft } from '../draft.ts';
import { type AdmissionRequest, isPodWrite } from './admission.ts';

const taintKeys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;
const tolerationSeconds = 300;

export function podTolerations(request: AdmissionRequest): void {
  const spec = request.draft?.['spec'] as Draft<PodSpec> | undefined;
  if (request.operation === 'DELETE' || !isPodWrite(request) || spec === undefined) return;
  const present = spec.tolerations ?? [];
  const missing = taintKeys.filter(
    (key) =>
      !present.some(
        (toleration) =>
          (toleration.key === key || !toleration.key) && (toleration.effect === 'NoExecute' || !toleration.effect),
      ),
  );
  const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }) as const);
  if (added.length > 0) spec.tolerations = [...present, ...added];
}
