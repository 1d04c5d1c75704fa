/**
 * Sockets made with libc in whatever network namespace the thread is in, to be handed to Node by
 * descriptor (socket(2), bind(2)). IPv4 only.
 */
import { closeSync } from 'node:fs';
import { checked, libcFunction } from './libc.ts';

const socketC = libcFunction('int socket(int domain, int type, int protocol)');
const bindC = libcFunction('int bind(int fd, const void *address, uint32_t length)');
const getsocknameC = libcFunction(
  'int getsockname(int fd, void *address, _Inout_ uint32_t *length)',
);

const AF_INET = 2;
const SOCK = { tcp: 1, udp: 2 } as const;
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
export const openSocket = (protocol: 'tcp' | 'udp'): number =>
  checked('socket', protocol, socketC, AF_INET, SOCK[protocol] | NONBLOCK_CLOEXEC, 0);

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
