/**
 * Sockets made with libc in whatever network namespace the thread is in, to be handed to Node by
 * descriptor (socket(2), bind(2)). IPv4 only.
 */
import { closeSync } from 'node:fs';
import { checked, libcFunction } from './libc.ts';

const socketC = libcFunction('int socket(int domain, int type, int protocol)');
const bindC = libcFunction('int bind(int fd, const void *address, uint32_t length)');
const listenC = libcFunction('int listen(int fd, int backlog)');
const getsocknameC = libcFunction(
  'int getsockname(int fd, void *address, _Inout_ uint32_t *length)',
);

const AF_INET = 2;
const SOCK = { tcp: 1, udp: 2, sctp: 1 } as const;
/** 0: the type's own. */
const IPPROTO = { tcp: 0, udp: 0, sctp: 132 } as const;
const NONBLOCK_CLOEXEC = 0x800 | 0x80000;
const ADDRESS_BYTES = 16;

/** struct sockaddr_in. */
function socketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  Buffer.from(address.split('.').map(Number)).copy(bytes, 4);
  return bytes;
}

/** An unbound socket; the caller closes it. */
export function openSocket(protocol: keyof typeof SOCK): number {
  const type = SOCK[protocol] | NONBLOCK_CLOEXEC;
  return checked('socket', protocol, socketC, AF_INET, type, IPPROTO[protocol]);
}

/** A listening socket, for protocols Node has no sockets of. Throws EPROTONOSUPPORT, EADDRINUSE, …; the caller closes it. */
export function openListener(protocol: 'sctp', address: string, port: number): number {
  const fd = openSocket(protocol);
  try {
    const bytes = socketAddress(address, port);
    checked('bind', address, bindC, fd, bytes, bytes.length);
    checked('listen', address, listenC, fd, 1);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A socket bound to a free port of the address; the caller closes it. */
export function openBoundSocket(
  protocol: 'tcp' | 'udp',
  address: string,
): { readonly fd: number; readonly port: number } {
  const fd = openSocket(protocol);
  try {
    const bytes = socketAddress(address, 0);
    checked('bind', address, bindC, fd, bytes, bytes.length);
    checked('getsockname', address, getsocknameC, fd, bytes, [bytes.length]);
    return { fd, port: bytes.readUInt16BE(2) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
