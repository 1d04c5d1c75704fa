/**
 * How a page in Electron comes by its port: it asks its own window, where the preload script listens; that
 * gives one end of a new channel to the main process and the other to the page. These are the three words.
 */
export const SHELL_PORT_REQUEST = 'windlass:port-please';
export const SHELL_PORT_ANSWER = 'windlass:port';
/** Name of the IPC channel, the only one there is. */
export const SHELL_PORT_CHANNEL = 'windlass:shell-port';
