/**
 * CertificateSigningRequests: what may be asked, and who may answer what. Upstream's rules and words.
 *
 * ```
 *  spec          whoever asks, once                      conditions Approved, Denied   /approval
 *  certificate   /status, once                           other conditions              /status
 * ```
 * Kept true: approved excludes denied; what was decided is never undone; a certificate that was issued is never replaced.
 */
import { X509Certificate } from 'node:crypto';
import {
  duplicate,
  forbiddenField,
  goQuote,
  indexPath,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
  CertificateSigningRequestStatus,
} from '../../api/schema/types/certificates-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { formatTime } from '../../lib/clock.ts';
import { type Draft, draftOf, sameJson } from '../draft.ts';
import { noDuplicates } from './checks.ts';

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

export function validateCertificateRequest({ spec, status }: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const block = pemBlocks(spec?.request)[0];
  if (block?.type !== 'CERTIFICATE REQUEST') {
    errors.push(invalidValue('spec.request', spec?.request ?? '', 'PEM block type must be CERTIFICATE REQUEST'));
  }
  errors.push(...usageErrors(spec?.usages ?? []));
  errors.push(...signerErrors(spec?.signerName ?? ''));
  const { expirationSeconds } = spec ?? {};
  if (expirationSeconds !== undefined && expirationSeconds < 600) {
    const why = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalidValue('spec.expirationSeconds', expirationSeconds, why));
  }
  return [...errors, ...conditionErrors(status?.conditions ?? [])];
}

function usageErrors(list: readonly string[]): FieldError[] {
  if (list.length === 0) return [required('spec.usages')];
  const unknown = list.flatMap((usage, at) =>
    usages.has(usage) ? [] : [notSupported(indexPath('spec.usages', at), usage, [...usages].sort())],
  );
  return [...unknown, ...noDuplicates(list, (at) => indexPath('spec.usages', at))];
}

const domainBytesMax = 253;
/** A domain, and below it a namespace and a name. */
const signerBytesMax = domainBytesMax + 1 + 63 + 1 + 253;
const legacySigner = 'kubernetes.io/legacy-unknown';

function signerErrors(signer: string): FieldError[] {
  const path = 'spec.signerName';
  if (signer === '') return [required(path)];
  if (signer === legacySigner) {
    return [invalidValue(path, signer, 'the legacy signerName is not allowed via this API version')];
  }
  const [domain = '', name, ...rest] = signer.split('/');
  if (name === undefined || rest.length > 0) {
    const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalidValue(path, signer, why)];
  }
  const errors = Buffer.byteLength(domain) > domainBytesMax ? [tooLong(path, domainBytesMax)] : [];
  errors.push(...labelErrors(path, domain, isDns1123Label));
  if (!domain.includes('.')) {
    errors.push(invalidValue(path, domain, 'should be a domain with at least two segments separated by dots'));
  }
  errors.push(...labelErrors(path, name, isDns1123Subdomain));
  if (Buffer.byteLength(signer) > signerBytesMax) errors.push(tooLong(path, signerBytesMax));
  return errors;
}

/** Of the first bad label alone: the others would say the same. */
function labelErrors(path: string, text: string, rule: (label: string) => string[]): FieldError[] {
  const bad = text.split('.').find((label) => rule(label).length > 0);
  if (bad === undefined) return [];
  return rule(bad).map((message) => invalidValue(path, text, `validating label ${goQuote(bad)}: ${message}`));
}

const decisions: readonly string[] = ['Approved', 'Denied', 'Failed'];

function conditionErrors(conditions: readonly CertificateSigningRequestCondition[]): FieldError[] {
  const seen = new Set<string>();
  return conditions.flatMap(({ type, status }, at) => {
    const path = indexPath('status.conditions', at);
    const errors: FieldError[] = type ? [] : [required(`${path}.type`)];
    const allowed = decisions.includes(type) ? ['True'] : ['False', 'True', 'Unknown'];
    if (!status) errors.push(required(`${path}.status`));
    else if (!allowed.includes(status)) errors.push(notSupported(`${path}.status`, status, allowed));
    const excluded = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : '';
    if (excluded !== '' && seen.has(excluded)) {
      errors.push(invalidValue(`${path}.type`, type, 'Approved and Denied conditions are mutually exclusive'));
    }
    if (seen.has(type)) errors.push(duplicate(`${path}.type`, type));
    seen.add(type);
    return errors;
  });
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
    ...conditionErrors(status?.conditions ?? []),
    ...removed.map((type) =>
      forbiddenField('status.conditions', `updates may not remove a condition of type ${goQuote(type)}`),
    ),
    ...certificateErrors(status?.certificate, old?.certificate, maySetCertificate),
  ];
}

function certificateErrors(now: string | undefined, old: string | undefined, maySet: boolean): FieldError[] {
  if ((now ?? '') === (old ?? '')) return [];
  const path = 'status.certificate';
  if (!maySet) return [forbiddenField(path, 'updates may not set certificate content')];
  if (old) return [forbiddenField(path, 'updates may not modify existing certificate content')];
  const problem = certificateProblem(now);
  return problem === undefined ? [] : [invalidValue(path, '<certificate data>', problem)];
}

function certificateProblem(certificate: string | undefined): string | undefined {
  const blocks = pemBlocks(certificate);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, text } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${goQuote(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    if (!isCertificate(text)) return 'x509: malformed certificate';
  }
  return undefined;
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly text: string;
}

function pemBlocks(base64: string | undefined): PemBlock[] {
  const text = Buffer.from(base64 ?? '', 'base64').toString('latin1');
  const form = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g;
  return [...text.matchAll(form)].map(([whole, type = '', body = '']) => ({
    type,
    hasHeaders: body.includes(':'),
    text: whole,
  }));
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
