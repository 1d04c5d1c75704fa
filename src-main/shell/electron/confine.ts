/** What a window may not do: leave its page, open others, ask for devices. */
import type { Session, WebContents } from 'electron';
import { APP_ADDRESS } from './app-scheme.ts';

/** Copying from a terminal is all a window needs of what pages must ask for. */
const ALLOWED_PERMISSION = 'clipboard-sanitized-write';

/** Refuses every permission but one, to our page; refuses every device and every download. */
export function confineSession(session: Session): void {
  const isAllowed = (permission: string, address: string): boolean =>
    permission === ALLOWED_PERMISSION && address.startsWith(APP_ADDRESS);
  session.setPermissionRequestHandler((_contents, permission, answer, details) =>
    answer(isAllowed(permission, details.requestingUrl)),
  );
  session.setPermissionCheckHandler((_contents, permission, _origin, details) =>
    isAllowed(permission, details.requestingUrl ?? ''),
  );
  session.setDevicePermissionHandler(() => false);
}

/** True for what may be shown in the user's browser. */
export const isWebAddress = (address: string): boolean =>
  ['http:', 'https:'].includes(URL.parse(address)?.protocol ?? '');

/** Keeps contents on their page. Links to the web go to the user's browser. */
export function confineContents(
  contents: WebContents,
  openExternal: (address: string) => void,
): void {
  contents.setWindowOpenHandler(({ url }) => {
    if (isWebAddress(url)) openExternal(url);
    return { action: 'deny' };
  });
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
}
