/** `app://windlass/…`: the built window under an origin of its own, which no web page shares. */
import type { Protocol } from 'electron';
import { readWindowFile, SECURITY_HEADERS } from '../window-files.ts';

const SCHEME = 'app';
const HOST = 'windlass';
export const APP_ADDRESS = `${SCHEME}://${HOST}/`;

/** Must run before the app is ready. */
export function registerAppScheme(protocol: Pick<Protocol, 'registerSchemesAsPrivileged'>): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Serves the files of `directory`, nothing else and to no other host name. */
export function serveAppScheme(protocol: Pick<Protocol, 'handle'>, directory: string): void {
  protocol.handle(SCHEME, async (request) => {
    const url = new URL(request.url);
    if (url.host !== HOST || request.method !== 'GET')
      return new Response('not found\n', { status: 404, headers: SECURITY_HEADERS });
    const { status, headers, bytes } = await readWindowFile(directory, url.pathname);
    return new Response(bytes, { status, headers });
  });
}
