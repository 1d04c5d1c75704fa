/** The preload script's whole work: one MessagePort from the main process to the page. */
import type { IpcRenderer } from 'electron';
import {
  SHELL_PORT_ANSWER,
  SHELL_PORT_CHANNEL,
  SHELL_PORT_REQUEST,
} from '../../../../shared/shell/electron-handshake.ts';

/** Answers the page's request for a port; each request gets a channel of its own. */
export function offerShellPort(page: Window, ipc: Pick<IpcRenderer, 'postMessage'>): void {
  page.addEventListener('message', (event) => {
    if (event.source !== page || event.data !== SHELL_PORT_REQUEST) return;
    const { port1, port2 } = new MessageChannel();
    ipc.postMessage(SHELL_PORT_CHANNEL, undefined, [port1]);
    // To this very window, whatever its origin.
    page.postMessage(SHELL_PORT_ANSWER, '*', [port2]);
  });
}
