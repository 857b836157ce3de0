/**
 * Which files of a container's log stay: the one in use, the one before it as it is, for a follower that has not read it to its end, and
 * older ones compressed; together no more than the node allows. Pure; `log-rotator.ts` acts.
 *
 * ```
 *   0.log   0.log.20260101-120000   0.log.20260101-110000.gz   …   0.log.….tmp (half compressed when an agent died)
 * ```
 */

export interface RotationPlan {
  readonly remove: readonly string[];
  readonly compress: readonly string[];
}

const compressedSuffix = '.gz';
export const temporarySuffix = '.tmp';
const stamp = /^\d{8}-\d{6}(?:\.\d+)?(?:\.gz)?$/;

/** Names of a log's former files begin with its own. */
export function isRotated(name: string, file: string): boolean {
  return name.startsWith(`${file}.`) && stamp.test(name.slice(file.length + 1));
}

/** A former file whose compression did not come to its end. */
export function isHalfDone(name: string, file: string): boolean {
  return name.startsWith(`${file}.`) && name.endsWith(temporarySuffix);
}

/** What a log that is rotated at `timeMs` is called from then on; `taken` are names that stand there already. */
export function rotatedName(file: string, timeMs: number, taken: readonly string[]): string {
  const [date = '', time = ''] = new Date(timeMs)
    .toISOString()
    .replaceAll(/[-:]|\..*$/g, '')
    .split('T');
  const base = `${file}.${date}-${time}`;
  const isTaken = (name: string): boolean => taken.includes(name) || taken.includes(name + compressedSuffix);
  if (!isTaken(base)) return base;
  let count = 1;
  while (isTaken(`${base}.${count}`)) count++;
  return `${base}.${count}`;
}

/**
 * What is to be done before `file` itself is rotated.
 * @param names all files of the folder
 * @param filesMax of one log, the one in use included; at least 2
 */
export function planRotation(names: readonly string[], file: string, filesMax: number): RotationPlan {
  const halfDone = names.filter((name) => isHalfDone(name, file));
  const rotated = names.filter((name) => isRotated(name, file)).toSorted(byAge);
  // The newest place is for the file that is rotated next; one is the log itself.
  const kept = Math.max(0, filesMax - 2);
  const old = rotated.slice(0, Math.max(0, rotated.length - kept));
  const compress = rotated.filter((name) => !old.includes(name) && !name.endsWith(compressedSuffix));
  return { remove: [...halfDone, ...old], compress };
}

/** Of names with the same second, the one with the smaller number is older. */
function byAge(a: string, b: string): number {
  return plain(a).localeCompare(plain(b), 'en', { numeric: true });
}

const plain = (name: string): string =>
  name.endsWith(compressedSuffix) ? name.slice(0, -compressedSuffix.length) : name;
