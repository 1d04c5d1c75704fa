/** The built window's files, with the headers that confine it; the same for both carriers. */
import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import { CONTENT_SECURITY_POLICY } from './content-security-policy.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** On every answer, whatever it says. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

export interface WindowFile {
  readonly status: 200 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Names under /assets/ carry the hash of their content. */
const cacheControl = (path: string): string =>
  path.startsWith('/assets/') ? 'private, max-age=31536000, immutable' : 'no-store';

const notThere = (): WindowFile => ({
  status: 404,
  headers: { ...SECURITY_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' },
  bytes: new TextEncoder().encode('not found\n'),
});

/** The file at a URL's path; a path without extension is the window itself, which routes. Never leaves `directory`. */
export async function readWindowFile(directory: string, urlPath: string): Promise<WindowFile> {
  const name = extname(urlPath) === '' ? '/index.html' : urlPath;
  const path = join(resolve(directory), name);
  const type = TYPES[extname(name)];
  if (type === undefined || !path.startsWith(resolve(directory) + sep)) return notThere();
  try {
    const bytes = new Uint8Array(await readFile(path));
    const headers = {
      ...SECURITY_HEADERS,
      'Content-Type': type,
      'Cache-Control': cacheControl(name),
    };
    return { status: 200, headers, bytes };
  } catch {
    // Missing, a directory or a name no file can have: for a window that is one and the same.
    return notThere();
  }
}
