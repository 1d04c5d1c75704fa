/** Electron's end of a MessageChannel as a port of the contract, and who may hand one over. */
import type { BrowserWindow, IpcMain, IpcMainEvent, MessagePortMain } from 'electron';
import { SHELL_PORT_CHANNEL } from '../../../shared/shell/electron-handshake.ts';
import { type Port, parseFrame } from '../../../shared/shell/port.ts';
import { APP_ADDRESS } from './app-scheme.ts';

/** Starts the Electron port; frames arrive from the next turn on. */
function messagePort(electronPort: MessagePortMain): Port {
  let isClosed = false;
  const port: Port = {
    post: (frame) => {
      if (!isClosed) electronPort.postMessage(frame);
    },
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () => electronPort.close(),
  };
  electronPort.on('message', ({ data }) => {
    try {
      port.onFrame(parseFrame(data));
    } catch {
      // Not one of our windows speaks like that.
      electronPort.close();
    }
  });
  electronPort.on('close', () => {
    isClosed = true;
    port.onClose();
  });
  electronPort.start();
  return port;
}

/** Only the top frame of our own window, showing our own page, is given a shell. */
function isOwnPage(event: IpcMainEvent, window: BrowserWindow): boolean {
  const frame = event.senderFrame;
  return (
    event.sender === window.webContents &&
    frame !== null &&
    frame === window.webContents.mainFrame &&
    frame.url.startsWith(APP_ADDRESS)
  );
}

/** Calls `serve` for each port the window's page hands over; ports of anyone else are closed. */
export function acceptPorts(
  ipcMain: Pick<IpcMain, 'on'>,
  window: () => BrowserWindow | undefined,
  serve: (port: Port) => void,
): void {
  ipcMain.on(SHELL_PORT_CHANNEL, (event) => {
    const own = window();
    const [given, ...others] = event.ports;
    for (const port of others) port.close();
    if (!given) return;
    if (own && isOwnPage(event, own)) serve(messagePort(given));
    else given.close();
  });
}
