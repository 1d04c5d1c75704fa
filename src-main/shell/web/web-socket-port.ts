/** A browser's WebSocket as a port of the contract. */
import type { WebSocket } from 'ws';
import { decodeFrameMessage, encodeFrameMessage, type Port } from '../../../shared/shell/port.ts';

/** RFC 6455 7.4.1: "policy violation". */
const NOT_A_WINDOW = 1008;

export function webSocketPort(socket: WebSocket): Port {
  const port: Port = {
    post: (frame) => {
      if (socket.readyState === socket.OPEN) socket.send(encodeFrameMessage(frame));
    },
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () => socket.close(),
  };
  socket.on('message', (data, isBinary) => {
    const bytes = data as Buffer;
    try {
      port.onFrame(decodeFrameMessage(isBinary ? bytes : bytes.toString('utf8')));
    } catch {
      // Not one of our windows speaks like that.
      socket.close(NOT_A_WINDOW);
    }
  });
  socket.on('close', () => port.onClose());
  socket.on('error', () => socket.terminate());
  return port;
}
