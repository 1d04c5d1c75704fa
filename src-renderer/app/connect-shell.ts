/** Connects the window to its shell: the port Electron's preload script hands over, or the web shell's WebSocket. */
import { createShellClient } from '../../shared/shell/client.ts';
import type { ShellClient } from '../../shared/shell/contract.ts';
import { SHELL_PORT_ANSWER, SHELL_PORT_REQUEST } from '../../shared/shell/electron-handshake.ts';
import {
  decodeFrameMessage,
  encodeFrameMessage,
  type Port,
  parseFrame,
} from '../../shared/shell/port.ts';

/** The preload script answers within a turn or was not loaded at all. */
const PRELOAD_ANSWER_MS = 5_000;

/** Connects; rejects when there is no shell behind this page. */
export async function connectShell(page: Window = window): Promise<ShellClient> {
  const port =
    page.location.protocol === 'app:'
      ? await openElectronPort(page)
      : await openWebSocketPort(page);
  return createShellClient(port);
}

async function openElectronPort(page: Window): Promise<Port> {
  const messages = await askPreload(page);
  const port: Port = {
    post: (frame) => messages.postMessage(frame),
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () => messages.close(),
  };
  messages.addEventListener('message', ({ data }) => port.onFrame(parseFrame(data)));
  messages.addEventListener('close', () => port.onClose());
  messages.start();
  return port;
}

function askPreload(page: Window): Promise<MessagePort> {
  return new Promise((resolve, reject) => {
    const onMessage = (event: MessageEvent): void => {
      const [port] = event.ports;
      if (event.source !== page || event.data !== SHELL_PORT_ANSWER || !port) return;
      stop();
      resolve(port);
    };
    const timer = setTimeout(() => {
      stop();
      reject(new Error('the Windlass shell does not answer'));
    }, PRELOAD_ANSWER_MS);
    const stop = (): void => {
      clearTimeout(timer);
      page.removeEventListener('message', onMessage);
    };
    page.addEventListener('message', onMessage);
    page.postMessage(SHELL_PORT_REQUEST, '*');
  });
}

async function openWebSocketPort(page: Window): Promise<Port> {
  const socket = new WebSocket(`${page.location.origin.replace(/^http/, 'ws')}/shell`);
  socket.binaryType = 'arraybuffer';
  const port: Port = {
    post: (frame) => socket.send(encodeFrameMessage(frame)),
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () => socket.close(),
  };
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    const refuse = (): void => reject(new Error('the Windlass shell does not answer'));
    socket.addEventListener('error', refuse, { once: true });
  });
  socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) =>
    port.onFrame(decodeFrameMessage(typeof data === 'string' ? data : new Uint8Array(data))),
  );
  socket.addEventListener('close', () => port.onClose());
  return port;
}
