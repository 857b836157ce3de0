/**
 * CertificateSigningRequests: what may be asked, and who may answer what. Upstream's rules and words.
 *
 * ```
 *  spec          whoever asks, once                      conditions Approved, Denied   /approval
 *  certificate   /status, once                           other conditions              /status
 * ```
 * Kept true: a request is signed with the key that it names; approved excludes denied; what was decided is never undone; a certificate that was issued is never replaced.
 */
import { X509Certificate } from 'node:crypto';
import { parseCertificateRequest } from '../../api/certificates/certificate-request.ts';
import { pemBlocks } from '../../api/certificates/pem.ts';
import { checkRequestSignature } from '../../api/certificates/request-signature.ts';
import {
  duplicate,
  forbiddenField,
  goQuote,
  indexPath,
  invalidValue,
  notSupported,
  required,
} from '../../api/field-error.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
  CertificateSigningRequestStatus,
} from '../../api/schema/types/certificates-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { formatTime } from '../../lib/clock.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';
import { noDuplicates } from './checks.ts';
import { signerNameErrors } from './signer-names.ts';

const usages: ReadonlySet<string> = new Set([
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
]);

/** `old` is what the request replaces: what was wrong with it already is borne. */
export function validateCertificateRequest(
  { spec, status }: CertificateSigningRequest,
  old?: CertificateSigningRequest,
): FieldError[] {
  const errors: FieldError[] = [];
  const problem = requestProblem(spec?.request ?? '');
  if (problem !== undefined) errors.push(invalidValue('spec.request', spec?.request ?? '', problem));
  errors.push(...usageErrors(spec?.usages ?? []));
  errors.push(...requestedSignerErrors(spec?.signerName ?? '', old?.spec?.signerName));
  const { expirationSeconds } = spec ?? {};
  if (expirationSeconds !== undefined && expirationSeconds < 600) {
    const why = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalidValue('spec.expirationSeconds', expirationSeconds, why));
  }
  return [...errors, ...conditionErrors(status?.conditions ?? [], old?.status?.conditions ?? [])];
}

function requestProblem(base64: string): string | undefined {
  try {
    checkRequestSignature(parseCertificateRequest(Buffer.from(base64, 'base64')));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function usageErrors(list: readonly string[]): FieldError[] {
  if (list.length === 0) return [required('spec.usages')];
  const unknown = list.flatMap((usage, at) =>
    usages.has(usage) ? [] : [notSupported(indexPath('spec.usages', at), usage, [...usages].sort())],
  );
  return [...unknown, ...noDuplicates(list, (at) => indexPath('spec.usages', at))];
}

const legacySigner = 'kubernetes.io/legacy-unknown';

function requestedSignerErrors(signer: string, old: string | undefined): FieldError[] {
  const path = 'spec.signerName';
  if (signer !== legacySigner || old === legacySigner) return signerNameErrors(path, signer);
  return [invalidValue(path, signer, 'the legacy signerName is not allowed via this API version')];
}

const decisions: readonly string[] = ['Approved', 'Denied', 'Failed'];

type Conditions = readonly CertificateSigningRequestCondition[];

function conditionErrors(conditions: Conditions, old: Conditions): FieldError[] {
  const seen = new Set<string>();
  const borne = alreadyWrong(old);
  return conditions.flatMap(({ type, status }, at) => {
    const path = indexPath('status.conditions', at);
    const errors: FieldError[] = type || borne.untyped ? [] : [required(`${path}.type`)];
    const allowed = decisions.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) errors.push(required(`${path}.status`));
    else if (!allowed.includes(status)) errors.push(notSupported(`${path}.status`, status, allowed));
    const excluded = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : '';
    if (excluded !== '' && seen.has(excluded) && !borne.undecided) {
      errors.push(invalidValue(`${path}.type`, type, 'Approved and Denied conditions are mutually exclusive'));
    }
    if (seen.has(type) && !borne.repeated) errors.push(duplicate(`${path}.type`, type));
    seen.add(type);
    return errors;
  });
}

/** What old servers let through must not make an object impossible to change. */
function alreadyWrong(old: Conditions) {
  const types = new Set(old.map(({ type }) => type));
  return {
    untyped: types.has(''),
    repeated: types.size < old.length,
    undecided: types.has('Approved') && types.has('Denied'),
  };
}

/** What `/approval` (or `/status`, which may also bring the certificate) may change. */
export function validateDecision(
  { status }: CertificateSigningRequest,
  { status: old }: CertificateSigningRequest,
  maySetCertificate: boolean,
): FieldError[] {
  const count = (of: CertificateSigningRequestStatus | undefined, type: string): number =>
    of?.conditions?.filter((condition) => condition.type === type).length ?? 0;
  const removed = decisions.filter((type) => count(status, type) < count(old, type));
  return [
    ...conditionErrors(status?.conditions ?? [], old?.conditions ?? []),
    ...certificateErrors(status?.certificate ?? '', old?.certificate ?? ''),
    ...removed.map((type) =>
      forbiddenField('status.conditions', `updates may not remove a condition of type ${goQuote(type)}`),
    ),
    ...settingErrors(status?.certificate ?? '', old?.certificate ?? '', maySetCertificate),
  ];
}

const certificatePath = 'status.certificate';

function certificateErrors(now: string, old: string): FieldError[] {
  if (now === old || certificateProblem(old) !== undefined) return [];
  const problem = certificateProblem(now);
  return problem === undefined ? [] : [invalidValue(certificatePath, '<certificate data>', problem)];
}

function settingErrors(now: string, old: string, maySet: boolean): FieldError[] {
  if (now === old) return [];
  if (!maySet) return [forbiddenField(certificatePath, 'updates may not set certificate content')];
  return old ? [forbiddenField(certificatePath, 'updates may not modify existing certificate content')] : [];
}

function certificateProblem(certificate: string): string | undefined {
  if (certificate === '') return undefined;
  const blocks = pemBlocks(Buffer.from(certificate, 'base64').toString('latin1'));
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (!isCertificate(bytes)) return 'x509: malformed certificate';
  }
  return undefined;
}

function isCertificate(der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.length === der.length;
  } catch {
    return false;
  }
}

/** Conditions that say not when they came, or that changed, get the time. */
export function stampConditions(
  request: Draft<CertificateSigningRequest>,
  old: CertificateSigningRequest,
  nowMs: number,
): void {
  const now = formatTime(nowMs);
  for (const condition of request.status?.conditions ?? []) {
    condition.lastUpdateTime ??= now;
    if (condition.lastTransitionTime !== undefined) continue;
    const before = old.status?.conditions?.find(({ type }) => type === condition.type);
    const same = before?.status === condition.status ? before.lastTransitionTime : undefined;
    condition.lastTransitionTime = same ?? now;
  }
}

/** Who writes the status neither approves nor denies: those conditions come back as they stood. */
export function keepDecisions(request: Draft<CertificateSigningRequest>, old: CertificateSigningRequest): void {
  const status = (request.status ??= {});
  const decided = ({ type }: { readonly type: string }): boolean => type === 'Approved' || type === 'Denied';
  const standing = draftOf((old.status?.conditions ?? []).filter(decided));
  const given = status.conditions ?? [];
  if (sameJson(given.filter(decided), standing)) return;
  const conditions = [...standing, ...given.filter((condition) => !decided(condition))];
  if (conditions.length > 0) status.conditions = conditions;
  else delete status.conditions;
}
