/**
 * A netlink socket (netlink(7)): requests with their answers, dumps, and the transactions of nfnetlink.
 * The kernel answers within the send call, so nothing here ever waits. Calls are synchronous and belong
 * into a worker thread.
 */
import { closeSync } from 'node:fs';
import { checked, hasErrno, libcFunction, SyscallError } from './libc.ts';

const socketC = libcFunction('int socket(int domain, int type, int protocol)');
const sendC = libcFunction('int64 send(int fd, const void *data, size_t size, int flags)');
const recvC = libcFunction('int64 recv(int fd, void *data, size_t size, int flags)');
const bindC = libcFunction('int bind(int fd, const void *address, uint32_t length)');
const fcntlC = libcFunction('int fcntl(int fd, int command, int64 argument)');

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const MSG_DONTWAIT = 0x40;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_ASYNC = 0x2000;
const HEADER_BYTES = 16;
/** More than the kernel ever puts into one datagram of a dump. */
const RECEIVE_BYTES = 64 * 1024;
const NLMSG = { error: 2, done: 3 } as const;

export const NLM_F = {
  request: 0x1,
  ack: 0x4,
  replace: 0x100,
  dump: 0x300,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
} as const;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags?: number;
  readonly body: Buffer;
  /** For the error text: what was to be done. */
  readonly subject: string;
}

/** What the kernel sends. */
export interface NetlinkAnswer {
  readonly sequence: number;
  readonly type: number;
  readonly body: Buffer;
}

/** It stays with the network namespace it was opened in. */
export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(RECEIVE_BYTES);
  #sequence = 1;

  /** `protocol`: NETLINK_ROUTE 0, NETLINK_NETFILTER 12. */
  constructor(protocol: number) {
    this.#fd = checked('socket', 'netlink', socketC, AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Hears of what others change; the process gets SIGIO when there is news for {@link news}. */
  listen(group: number): void {
    const fd = this.#fd;
    // struct sockaddr_nl.
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(1 << (group - 1), 8);
    checked('fcntl', 'netlink owner', fcntlC, fd, F_SETOWN, process.pid);
    checked('fcntl', 'netlink signal', fcntlC, fd, F_SETFL, O_ASYNC);
    checked('bind', 'netlink group', bindC, fd, address, address.length);
  }

  /** All that was heard since the last call; undefined when the kernel had to drop some. */
  news(): readonly NetlinkAnswer[] | undefined {
    const heard: NetlinkAnswer[] = [];
    let isWhole = true;
    for (;;) {
      try {
        heard.push(...this.#receive('news'));
      } catch (error) {
        if (hasErrno(error, 'ENOBUFS')) isWhole = false;
        else if (hasErrno(error, 'EAGAIN', 'EWOULDBLOCK')) return isWhole ? heard : undefined;
        else throw error;
      }
    }
  }

  /** One request; answers the bodies that came before the acknowledgement. Throws SyscallError. */
  request(message: NetlinkMessage): readonly Buffer[] {
    const sequence = this.#send([{ ...message, flags: (message.flags ?? 0) | NLM_F.ack }]);
    return this.#collect(sequence, message.subject, NLMSG.error);
  }

  /** Everything the kernel has of a kind. */
  dump(message: NetlinkMessage): readonly Buffer[] {
    const sequence = this.#send([{ ...message, flags: (message.flags ?? 0) | NLM_F.dump }]);
    return this.#collect(sequence, message.subject, NLMSG.done);
  }

  /**
   * Messages between a begin and an end message, all or nothing. Those with the flag `ack` are waited
   * for; the first that failed is thrown.
   */
  transaction(messages: readonly NetlinkMessage[]): void {
    const first = this.#send(messages);
    const failures = new Map<number, SyscallError>();
    let missing = messages.filter(({ flags = 0 }) => (flags & NLM_F.ack) !== 0).length;
    while (missing > 0) {
      for (const answer of this.#receive('transaction')) {
        if (answer.type !== NLMSG.error || answer.sequence < first) continue;
        missing--;
        const errno = -answer.body.readInt32LE(0);
        const subject = messages[answer.sequence - first]?.subject ?? '';
        if (errno !== 0) failures.set(answer.sequence, new SyscallError('netlink', errno, subject));
      }
      if (failures.size > 0) break;
    }
    this.#drain();
    const [failure] = failures.values();
    if (failure) throw failure;
  }

  /** Answers the sequence number of the first. */
  #send(messages: readonly NetlinkMessage[]): number {
    const first = this.#sequence;
    const packets = messages.map(({ type, flags = 0, body }) => {
      const bytes = Buffer.alloc((HEADER_BYTES + body.length + 3) & ~3);
      bytes.writeUInt32LE(HEADER_BYTES + body.length, 0);
      bytes.writeUInt16LE(type, 4);
      bytes.writeUInt16LE(flags | NLM_F.request, 6);
      bytes.writeUInt32LE(this.#sequence++, 8);
      body.copy(bytes, HEADER_BYTES);
      return bytes;
    });
    const all = Buffer.concat(packets);
    const subject = messages[0]?.subject ?? '';
    checked('send', `netlink ${subject}`, sendC, this.#fd, all, all.length, 0);
    return first;
  }

  #collect(sequence: number, subject: string, last: number): readonly Buffer[] {
    const bodies: Buffer[] = [];
    for (;;) {
      for (const answer of this.#receive(subject)) {
        if (answer.sequence !== sequence) continue;
        if (answer.type === NLMSG.error || answer.type === NLMSG.done) {
          const errno = answer.body.length >= 4 ? -answer.body.readInt32LE(0) : 0;
          if (errno !== 0) throw new SyscallError('netlink', errno, subject);
          if (answer.type === last || answer.type === NLMSG.done) return bodies;
        } else bodies.push(answer.body);
      }
    }
  }

  /** The messages of one datagram. */
  #receive(subject: string): readonly NetlinkAnswer[] {
    const { length } = this.#buffer;
    const what = `netlink ${subject}`;
    const size = checked('recv', what, recvC, this.#fd, this.#buffer, length, MSG_DONTWAIT);
    const answers: NetlinkAnswer[] = [];
    for (let at = 0; at + HEADER_BYTES <= size; ) {
      const bytes = this.#buffer.readUInt32LE(at);
      if (bytes < HEADER_BYTES || at + bytes > size) break;
      answers.push({
        type: this.#buffer.readUInt16LE(at + 4),
        sequence: this.#buffer.readUInt32LE(at + 8),
        body: Buffer.from(this.#buffer.subarray(at + HEADER_BYTES, at + bytes)),
      });
      at += (bytes + 3) & ~3;
    }
    return answers;
  }

  /** Throws away what a failed transaction still has to say. */
  #drain(): void {
    try {
      for (;;) this.#receive('drain');
    } catch (error) {
      if (!hasErrno(error, 'EAGAIN', 'EWOULDBLOCK')) throw error;
    }
  }
}
