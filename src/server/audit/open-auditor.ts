/** From the command line's settings to an `Auditor`: reads the policy, opens the log. What is wrong is told in one sentence. */
import { readFileSync } from 'node:fs';
import { parseYaml } from '../../api/yaml.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import { AuditLog } from './audit-log.ts';
import { AuditMetrics, Auditor } from './auditor.ts';
import { type AuditPolicy, parsePolicy } from './policy.ts';

export interface AuditSettings {
  /** Of an `audit.k8s.io/v1` Policy, YAML or JSON. */
  readonly policyFile: string;
  /** `-`: standard output. */
  readonly logPath: string;
  /** When a file is rotated (MB); 100 where absent or 0, as upstream's. */
  readonly maxSizeMegabytes?: number;
  /** How many rotated files are kept, and for how many days; all, and for ever, where absent or 0. */
  readonly maxBackups?: number;
  readonly maxAgeDays?: number;
}

const megabyte = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;

/** @throws Error, one sentence that names the file */
export async function openAuditor(
  settings: AuditSettings,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Logger; readonly metrics: MetricRegistry },
): Promise<Auditor> {
  const policy = readPolicy(settings.policyFile);
  const auditMetrics = new AuditMetrics(metrics);
  const file = new AuditLog({
    file: settings.logPath,
    bytesMax: (settings.maxSizeMegabytes || 100) * megabyte,
    backupsMax: settings.maxBackups ?? 0,
    ageMsMax: (settings.maxAgeDays ?? 0) * dayMs,
    clock,
    log,
    dropped: (events) => auditMetrics.dropped(events),
  });
  try {
    await file.open();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Error(
      `the audit log ${settings.logPath} cannot be written (${code}); name another with --audit-log-path`,
      {
        cause: error,
      },
    );
  }
  return new Auditor({ policy, log: file, clock }, auditMetrics);
}

/** @throws Error, one sentence that names the file */
export function readPolicy(file: string): AuditPolicy {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Error(`the audit policy ${file} cannot be read (${code}); name the right file with --audit-policy-file`, {
      cause: error,
    });
  }
  try {
    return parsePolicy(parseYaml(text).value);
  } catch (error) {
    throw new Error(`the audit policy ${file} is not valid: ${(error as Error).message}`, { cause: error });
  }
}
