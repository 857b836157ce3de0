/** PersistentVolumeClaims, as quotas count them: how many, how much storage, and both for each storage class. */
import { compareQuantities, parseQuantity, type Quantity, quantityFromInteger } from '../quantity.ts';
import type { PersistentVolumeClaim } from '../schema/types/core-v1.ts';
import { type Amounts, one } from './amounts.ts';
import type { Evaluator, Scope } from './evaluator.ts';
import { selects } from './scope-values.ts';

const plain = ['persistentvolumeclaims', 'requests.storage'] as const;
const names: ReadonlySet<string> = new Set(['count/persistentvolumeclaims', ...plain]);
const ofClass = (name: string): string => `.storageclass.storage.k8s.io/${name}`;

export const volumeClaims: Evaluator<PersistentVolumeClaim> = {
  measures: (name) => names.has(name) || plain.some((each) => name.endsWith(ofClass(each))),

  handles({ subresource, object, old }) {
    if (subresource === '') return true;
    return subresource === 'status' && old !== undefined && frees(object, old);
  },

  usage,
  inScope,
  frees,
};

function usage(claim: PersistentVolumeClaim): Amounts {
  const amounts = new Map([
    ['count/persistentvolumeclaims', one],
    ['persistentvolumeclaims', one],
  ]);
  const storage = storageOf(claim);
  if (storage !== undefined) amounts.set('requests.storage', storage);
  const storageClass = classOf(claim);
  if (storageClass === '') return amounts;
  amounts.set(`${storageClass}${ofClass('persistentvolumeclaims')}`, one);
  if (storage !== undefined) amounts.set(`${storageClass}${ofClass('requests.storage')}`, storage);
  return amounts;
}

/** The annotation is older than the field, and still goes first. */
const classOf = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';

/** In whole bytes. A claim that is made smaller again keeps using what it was promised. */
function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const wanted = spec?.resources?.requests?.['storage'];
  if (wanted === undefined) return undefined;
  const promised = status?.allocatedResources?.['storage'];
  const wantedAmount = wholeBytes(wanted);
  if (promised === undefined) return wantedAmount;
  const promisedAmount = wholeBytes(promised);
  return compareQuantities(promisedAmount, wantedAmount) > 0 ? promisedAmount : wantedAmount;
}

const nanoPerByte = 1_000_000_000n;

function wholeBytes(text: string): Quantity {
  const amount = parseQuantity(text);
  if (amount.nano % nanoPerByte === 0n) return amount;
  return quantityFromInteger(Number(amount.nano / nanoPerByte) + 1, amount.format);
}

function frees(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const promised = (each: PersistentVolumeClaim): bigint =>
    parseQuantity(each.status?.allocatedResources?.['storage'] ?? '0').nano;
  return promised(claim) !== promised(old) || attributesClasses(claim).join() !== attributesClasses(old).join();
}

function inScope(claim: PersistentVolumeClaim, scope: Scope): boolean {
  if (scope.scopeName !== 'VolumeAttributesClass') return false;
  const classes = attributesClasses(claim);
  return classes.length === 0 ? selects(scope, undefined) : classes.some((name) => selects(scope, name));
}

/** Wanted, held, and on the way to: while one takes another's place, a claim is of both. */
function attributesClasses({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const named = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(named.filter((name): name is string => Boolean(name)))].sort();
}
