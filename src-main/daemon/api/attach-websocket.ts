/** Attach over a WebSocket: raw bytes in binary frames, both outputs in one (moby wsContainersAttach). */
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { ContainerService } from '../container/container-service.ts';
import { clientStream } from './hijack.ts';
import type { ApiRequest } from './request.ts';
import { takeConnection } from './server.ts';

const handshakes = new WebSocketServer({ noServer: true, clientTracking: false });

/** Checks first, so that a missing container is an answer, then upgrades and serves. */
export async function attachWebSocket(
  containers: ContainerService,
  request: ApiRequest,
): Promise<void> {
  // Older clients get every stream, whatever they ask for.
  const wants = (name: string): boolean => !request.isAtLeast(42) || request.flag(name);
  const keys = request.text('detachKeys');
  const serve = await containers.attach(request.parameter('id'), {
    stdin: wants('stdin'),
    stdout: wants('stdout'),
    stderr: wants('stderr'),
    stream: request.flag('stream'),
    logs: request.flag('logs'),
    isRaw: true,
    ...(keys === '' ? {} : { detachKeys: keys }),
  });
  const { socket, head } = takeConnection(request);
  handshakes.handleUpgrade(request.incoming, socket, head, (webSocket) => {
    serve(clientStream(createWebSocketStream(webSocket), Buffer.alloc(0))).catch(() =>
      webSocket.terminate(),
    );
    // The server had paused it for whoever takes it.
    socket.resume();
  });
}
