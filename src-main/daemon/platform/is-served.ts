/** Whether somebody listens on a unix socket: its file alone says little. */
import { connect } from 'node:net';

/** Connects and lets go at once; false for a socket nobody serves, and for none. */
export function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
