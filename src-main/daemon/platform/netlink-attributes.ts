/** Attributes of netlink messages (netlink(7)): type and length, then the value, padded to four bytes. */

const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const ATTRIBUTE_HEADER_BYTES = 4;

/** A number in the machine's byte order. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** A number in network byte order; negative ones are two's complement. */
export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

export function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export const u8 = (value: number): Buffer => Buffer.from([value]);
export const cString = (text: string): Buffer => Buffer.from(`${text}\0`);
export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

/** The value filled up with zeros to whole 32-bit words, as registers of nf_tables hold it. */
export function padded(value: Buffer): Buffer {
  const bytes = Buffer.alloc((value.length + 3) & ~3);
  value.copy(bytes);
  return bytes;
}

export function attribute(type: number, ...payload: readonly Buffer[]): Buffer {
  const body = Buffer.concat(payload);
  const length = ATTRIBUTE_HEADER_BYTES + body.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  body.copy(bytes, ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** An attribute made of attributes, marked so; nfnetlink insists on the mark. */
export const nested = (type: number, ...payload: readonly Buffer[]): Buffer =>
  attribute(type | NESTED, ...payload);

/** The attributes in `bytes`; a broken length ends the walk. */
export function parseAttributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) break;
    found.set(
      bytes.readUInt16LE(at + 2) & TYPE_MASK,
      bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length),
    );
    at += (length + 3) & ~3;
  }
  return found;
}

/** A C string out of an attribute; '' when it is missing. */
export const textOf = (value: Buffer | undefined): string =>
  value === undefined ? '' : value.toString('utf8').replace(/\0.*$/s, '');
