/** What a carrier gives: frames to the other side, in order. Electron's MessagePort and the web shell's WebSocket are ports. */
import type { ErrorCode } from '../errors.ts';

export interface WireError {
  readonly code: ErrorCode;
  readonly status: number;
  readonly message: string;
  readonly details: Readonly<Record<string, string>>;
}

/** `id` is the operation's, chosen by the client. Every open ends with end, error or abort. */
export type Frame =
  | { readonly t: 'open'; readonly id: number; readonly name: string; readonly input: unknown }
  /** Answer of a call, item of a stream, head of a duplex. */
  | { readonly t: 'value'; readonly id: number; readonly value: unknown }
  | { readonly t: 'data'; readonly id: number; readonly bytes: Uint8Array }
  /** The receiver has consumed so much (bytes of a duplex, items of a stream). */
  | { readonly t: 'credit'; readonly id: number; readonly amount: number }
  | { readonly t: 'end'; readonly id: number }
  | { readonly t: 'error'; readonly id: number; readonly error: WireError }
  | { readonly t: 'abort'; readonly id: number };

export interface Port {
  post(frame: Frame): void;
  /** Set once, before anything can arrive. */
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
    close: () => void Promise.resolve().then(() => other().onClose()),
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
  if (typeof message !== 'string') {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    return { t: 'data', id: view.getUint32(0), bytes: message.subarray(ID_BYTES) };
  }
  const frame = JSON.parse(message) as Frame;
  if (typeof frame !== 'object' || frame === null || !Number.isInteger(frame.id))
    throw new Error('not a frame');
  return frame;
}
