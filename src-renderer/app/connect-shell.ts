/** Connects the window to its shell: the port Electron's preload hands over, or the web shell's WebSocket. */
import { createShellClient } from '../../shared/shell/client.ts';
import type { ShellClient } from '../../shared/shell/contract.ts';
import { decodeFrameMessage, encodeFrameMessage, type Port } from '../../shared/shell/port.ts';

export async function connectShell(): Promise<ShellClient> {
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/shell`);
  socket.binaryType = 'arraybuffer';
  const port: Port = {
    post: (frame) => socket.send(encodeFrameMessage(frame)),
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () => socket.close(),
  };
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener(
      'error',
      () => reject(new Error('the Windlass shell does not answer')),
      {
        once: true,
      },
    );
  });
  socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) =>
    port.onFrame(decodeFrameMessage(typeof data === 'string' ? data : new Uint8Array(data))),
  );
  socket.addEventListener('close', () => port.onClose());
  return createShellClient(port);
}
