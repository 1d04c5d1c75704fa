/** DNS messages as far as the embedded resolver reads and writes them (RFC 1035, RFC 6891). */

export const DNS_TYPE = { a: 1, ptr: 12, mx: 15, aaaa: 28, opt: 41 } as const;
export const DNS_CODE = { noError: 0, serverFailure: 2, nameError: 3, refused: 5 } as const;

const HEADER_BYTES = 12;
const CLASS_INET = 1;
const MIN_UDP_BYTES = 512;
const FLAG = {
  response: 0x8000,
  truncated: 0x200,
  recursionDesired: 0x100,
  recursionAvailable: 0x80,
};
const AUTHORITATIVE = 0x400;
const OPCODE_MASK = 0x7800;
/** A pointer to the name of the question. */
const QUESTION_NAME = Buffer.from([0xc0, HEADER_BYTES]);

export interface DnsQuery {
  readonly id: number;
  readonly flags: number;
  /** Without the last dot, as it was written. */
  readonly name: string;
  readonly type: number;
  /** The question as bytes, for the answer. */
  readonly question: Buffer;
  /** How much the client takes in a datagram. */
  readonly udpBytes: number;
}

export interface DnsRecord {
  readonly type: number;
  readonly data: Buffer;
}

/** Undefined for anything that is no query with one question in class IN. */
export function parseQuery(message: Buffer): DnsQuery | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  const isQuery = (flags & (FLAG.response | OPCODE_MASK)) === 0 && message.readUInt16BE(4) === 1;
  const name = isQuery ? readName(message, HEADER_BYTES) : undefined;
  if (!name || name.end + 4 > message.length) return undefined;
  if (message.readUInt16BE(name.end + 2) !== CLASS_INET) return undefined;
  return {
    id: message.readUInt16BE(0),
    flags,
    name: name.labels.join('.'),
    type: message.readUInt16BE(name.end),
    question: message.subarray(HEADER_BYTES, name.end + 4),
    udpBytes: Math.max(MIN_UDP_BYTES, offeredBytes(message, name.end + 4)),
  };
}

/** A name without pointers: a question has none. */
function readName(
  message: Buffer,
  start: number,
): { readonly labels: readonly string[]; readonly end: number } | undefined {
  const labels: string[] = [];
  for (let at = start; at < message.length; ) {
    const length = message.readUInt8(at);
    if (length === 0) return { labels, end: at + 1 };
    if (length > 63 || at + 1 + length > message.length) return undefined;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return undefined;
}

/** The size in an OPT record right after the question, where clients put it; 0 without. */
function offeredBytes(message: Buffer, at: number): number {
  const isAlone = message.readUInt16BE(6) === 0 && message.readUInt16BE(8) === 0;
  const hasOpt =
    isAlone &&
    message.readUInt16BE(10) > 0 &&
    message.length >= at + 5 &&
    message.readUInt8(at) === 0 &&
    message.readUInt16BE(at + 1) === DNS_TYPE.opt;
  return hasOpt ? message.readUInt16BE(at + 3) : 0;
}

/** An answer to the query; records that do not fit into `maxBytes` are left out and the answer says so. */
export function buildAnswer(
  query: DnsQuery,
  answer: {
    readonly code?: number;
    readonly records?: readonly DnsRecord[];
    readonly ttlSeconds?: number;
    readonly maxBytes?: number;
  },
): Buffer {
  const { code = DNS_CODE.noError, records = [], ttlSeconds = 0, maxBytes = 65_535 } = answer;
  const parts: Buffer[] = [];
  let size = HEADER_BYTES + query.question.length;
  for (const record of records) {
    const bytes = recordBytes(record, ttlSeconds);
    if (size + bytes.length > maxBytes) break;
    parts.push(bytes);
    size += bytes.length;
  }
  const isTruncated = parts.length < records.length;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(
    FLAG.response |
      (query.flags & FLAG.recursionDesired) |
      FLAG.recursionAvailable |
      (isTruncated ? FLAG.truncated : 0) |
      code,
    2,
  );
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(parts.length, 6);
  return Buffer.concat([header, query.question, ...parts]);
}

function recordBytes({ type, data }: DnsRecord, ttlSeconds: number): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(CLASS_INET, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([QUESTION_NAME, fixed, data]);
}

/** `web.net` as length-prefixed labels. */
export function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '' && label.length <= 63);
  return Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1')),
    Buffer.from([0]),
  ]);
}

/** What another server answered: does it settle the question? */
export function answerFacts(message: Buffer): {
  readonly id: number;
  readonly code: number;
  readonly isAuthoritative: boolean;
} {
  const flags = message.readUInt16BE(2);
  return {
    id: message.readUInt16BE(0),
    code: flags & 0xf,
    isAuthoritative: (flags & AUTHORITATIVE) !== 0,
  };
}

/** True when the message can be an answer to what was asked. */
export const isAnswerTo = (message: Buffer, question: Buffer, id: number): boolean =>
  message.length >= HEADER_BYTES + question.length &&
  message.readUInt16BE(0) === id &&
  (message.readUInt16BE(2) & FLAG.response) !== 0 &&
  message.toString('latin1', HEADER_BYTES, HEADER_BYTES + question.length).toLowerCase() ===
    question.toString('latin1').toLowerCase();

/** The same message under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}
