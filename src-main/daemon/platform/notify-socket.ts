/** sd_notify(3): datagrams to the service manager, which Node cannot send. */
import { closeSync } from 'node:fs';
import { checked, libcFunction } from './libc.ts';

const socketC = libcFunction('int socket(int domain, int type, int protocol)');
const sendtoC = libcFunction(
  'int64 sendto(int fd, const void *data, uint64 length, int flags, const void *address, uint32_t addressLength)',
);

const AF_UNIX = 1;
const DGRAM_CLOEXEC = 2 | 0x80000;
const MSG_NOSIGNAL = 0x4000;

/** struct sockaddr_un: the family, then the path; `@name` is in the abstract space. */
function unixAddress(path: string): Buffer {
  const name = Buffer.from(path);
  if (path.startsWith('@')) name[0] = 0;
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}

/** Sends `READY=1` and the like to `$NOTIFY_SOCKET`; without one there is nobody to tell. Throws SyscallError. */
export function notifyServiceManager(
  state: string,
  path: string | undefined = process.env['NOTIFY_SOCKET'],
): void {
  if (!path) return;
  const fd = checked('socket', path, socketC, AF_UNIX, DGRAM_CLOEXEC, 0);
  try {
    const data = Buffer.from(state);
    const address = unixAddress(path);
    checked('sendto', path, sendtoC, fd, data, data.length, MSG_NOSIGNAL, address, address.length);
  } finally {
    closeSync(fd);
  }
}
