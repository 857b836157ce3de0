/** How a session ended, as the `Status` that clients read from the error channel; names and texts are upstream's. */
import type { SessionEnd } from './session.ts';

/** Since v4 a Status as JSON; before, the bare text of an error, and nothing where all went well. */
export function endMessage(protocol: string, end: SessionEnd): string {
  const status = endStatus(end);
  if (/^v[45]\./.test(protocol)) return JSON.stringify(status);
  return 'message' in status ? status.message : '';
}

function endStatus(end: SessionEnd) {
  if (end.kind === 'failed') return failure(end.message);
  if (end.exitCode === 0) return { metadata: {}, status: 'Success' } as const;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${end.exitCode}, exit code ${end.exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(end.exitCode) }] },
  } as const;
}

function failure(message: string) {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  } as const;
}
