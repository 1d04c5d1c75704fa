/** What a carrier gives: frames to the other side, in order. Electron's MessagePort and the web shell's WebSocket are ports. */
import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode } from '../errors.ts';

const id = z.number().int().min(1).max(0xffff_ffff);
const codes = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]];

const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const wireErrorSchema = z.object({
  code: z.enum(codes),
  status: z.number().int(),
  message: z.string(),
  details: z.record(z.string(), z.string()).readonly(),
});

/** `id` is the operation's, chosen by the client and never used again. */
const frameSchema = z.discriminatedUnion('t', [
  z.object({ t: z.literal('open'), id, name: z.string(), input: z.unknown() }),
  /** Answer of a call, item of a stream, head of a duplex. */
  z.object({ t: z.literal('value'), id, value: z.unknown() }),
  z.object({ t: z.literal('data'), id, bytes: bytesSchema }),
  /** The receiver has consumed so much (bytes of a duplex, items of a stream). */
  z.object({ t: z.literal('credit'), id, amount: z.number().int().positive() }),
  /** From the client: its bytes are all sent. From the shell: the operation is over. */
  z.object({ t: z.literal('end'), id }),
  z.object({ t: z.literal('error'), id, error: wireErrorSchema }),
  z.object({ t: z.literal('abort'), id }),
]);

export type WireError = z.output<typeof wireErrorSchema>;
export type Frame = z.output<typeof frameSchema>;

/** Checks what a carrier received. Throws on what is no frame. */
export const parseFrame = (value: unknown): Frame => frameSchema.parse(value);

export interface Port {
  /** Sends, or drops when the port is closed. */
  post(frame: Frame): void;
  /** Set once, before anything can arrive. Throws on a frame no window of ours sends. */
  onFrame: (frame: Frame) => void;
  onClose: () => void;
  close(): void;
}

/** Two ports joined in memory; frames arrive in a later turn, as they would over a wire. */
export function portPair(): readonly [Port, Port] {
  const make = (other: () => Port): Port => ({
    post: (frame) => void Promise.resolve().then(() => other().onFrame(frame)),
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () =>
      void Promise.resolve().then(() => {
        a.onClose();
        b.onClose();
      }),
  });
  const a: Port = make(() => b);
  const b: Port = make(() => a);
  return [a, b];
}

const ID_BYTES = 4;

/** A frame for a wire that has text and binary messages: data is binary, `[id BE32][bytes]`, the rest JSON. */
export function encodeFrameMessage(frame: Frame): string | Uint8Array<ArrayBuffer> {
  if (frame.t !== 'data') return JSON.stringify(frame);
  const bytes = new Uint8Array(ID_BYTES + frame.bytes.length);
  new DataView(bytes.buffer).setUint32(0, frame.id);
  bytes.set(frame.bytes, ID_BYTES);
  return bytes;
}

/** Counterpart; throws on what is no frame. */
export function decodeFrameMessage(message: string | Uint8Array): Frame {
  if (typeof message === 'string') return parseFrame(JSON.parse(message));
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return { t: 'data', id: view.getUint32(0), bytes: message.subarray(ID_BYTES) };
}
