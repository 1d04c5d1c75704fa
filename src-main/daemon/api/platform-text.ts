/** A platform in a query, `os/architecture/variant`. */
import { invalidArgument } from '../../../shared/errors.ts';
import type { Platform } from '../image/image-service.ts';

/** `linux/amd64/v2` → its parts. */
export function parsePlatform(text: string): Platform | undefined {
  if (text === '') return undefined;
  const [os = '', architecture = '', variant] = text.split('/');
  if (architecture === '')
    throw invalidArgument(
      `"${text}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_-]+$"`,
    );
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}
