/** The time that files of an image carry: not when it was built, or two builds of one source would differ. */
import process from 'node:process';

/** `SOURCE_DATE_EPOCH` (seconds, as reproducible-builds.org defines it), else 1970. @throws Error where it is no number */
export function sourceDate(text: string | undefined = process.env['SOURCE_DATE_EPOCH']): Date {
  if (text === undefined || text === '') return new Date(0);
  if (!/^\d{1,11}$/.test(text)) throw new Error(`SOURCE_DATE_EPOCH is a number of seconds, and not ${text}`);
  return new Date(Number(text) * 1000);
}
