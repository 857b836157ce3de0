/** The options of the audit log, under upstream's names, and what they make of a home's settings. */
import path from 'node:path';
import type { AuditSettings } from '../server/audit/open-auditor.ts';
import { UserError } from './user-error.ts';

export interface AuditCommandOptions {
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  readonly auditLogMaxsize?: number;
  readonly auditLogMaxbackup?: number;
  readonly auditLogMaxage?: number;
}

/**
 * Undefined: nothing is written down. An empty `--audit-log-path` turns an earlier one off.
 * @throws UserError where one of the two files is missing
 */
export function auditSettings(
  before: AuditSettings | undefined,
  options: AuditCommandOptions,
  folder: string,
): AuditSettings | undefined {
  const policyFile = absolute(options.auditPolicyFile, folder) ?? before?.policyFile ?? '';
  const logPath = absolute(options.auditLogPath, folder) ?? before?.logPath ?? '';
  if (options.auditLogPath === '' || (policyFile === '' && logPath === '')) return undefined;
  if (policyFile === '') {
    throw new UserError('an audit log needs a policy that says what to write down; name it with --audit-policy-file');
  }
  if (logPath === '') {
    throw new UserError('an audit policy needs a file to write to; name it with --audit-log-path');
  }
  return {
    ...before,
    policyFile,
    logPath,
    ...(options.auditLogMaxsize !== undefined && { maxSizeMegabytes: options.auditLogMaxsize }),
    ...(options.auditLogMaxbackup !== undefined && { maxBackups: options.auditLogMaxbackup }),
    ...(options.auditLogMaxage !== undefined && { maxAgeDays: options.auditLogMaxage }),
  };
}

/** Can what the command names be used? What an earlier one named is left to the start. @throws Error, one sentence that names the file */
export async function checkAudit(
  settings: AuditSettings | undefined,
  { auditPolicyFile }: AuditCommandOptions,
): Promise<void> {
  if (settings === undefined || auditPolicyFile === undefined) return;
  // Loaded only here: most commands name no policy.
  const { readPolicy } = await import('../server/audit/open-auditor.ts');
  readPolicy(settings.policyFile);
}

/** The process in the background works in another folder. */
function absolute(file: string | undefined, folder: string): string | undefined {
  return file === undefined || file === '' || file === '-' ? file : path.resolve(folder, file);
}
