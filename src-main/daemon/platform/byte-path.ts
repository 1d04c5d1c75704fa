/**
 * File names as the kernel has them: any bytes but NUL and slash. Here a name is a string with one character
 * a byte (latin1), so that names in no encoding stay what they are; {@link nativePath} gives the bytes back.
 */

/** The bytes, for `node:fs`. */
export const nativePath = (path: string): Buffer => Buffer.from(path, 'latin1');

/** As {@link nativePath} with the final NUL that C wants. */
export const cPath = (path: string): Buffer => Buffer.from(`${path}\0`, 'latin1');

/** Ordinary text (UTF-8) as such a string. */
export const bytePath = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** What a person reads: UTF-8 where it is. */
export const textOfPath = (path: string): string => nativePath(path).toString('utf8');

/** What libc wrappers take: text, or bytes with their final NUL ({@link cPath}). */
export type LibcPath = string | Uint8Array;

/** Such a path in a message. */
export const shownPath = (path: LibcPath): string =>
  typeof path === 'string' ? path : Buffer.from(path).toString('utf8', 0, path.length - 1);
