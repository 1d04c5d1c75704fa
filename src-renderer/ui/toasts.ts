/** Short messages that stay until read. Errors stay longest. */
import { createStore } from 'zustand/vanilla';
import { errorMessage } from '../../shared/errors.ts';

export interface Toast {
  readonly key: number;
  readonly kind: 'info' | 'error';
  readonly text: string;
}

export const toasts = createStore<{ readonly list: readonly Toast[] }>(() => ({ list: [] }));
const SHOWN_MS = { info: 4000, error: 15_000 } as const;
let nextKey = 1;

export const dismissToast = (key: number): void =>
  toasts.setState(({ list }) => ({ list: list.filter((toast) => toast.key !== key) }));

export function showToast(kind: Toast['kind'], text: string): void {
  const key = nextKey++;
  toasts.setState(({ list }) => ({ list: [...list, { key, kind, text }].slice(-4) }));
  setTimeout(() => dismissToast(key), SHOWN_MS[kind]);
}

/** Tells of the failure of something a person asked for. */
export function tellFailure(asked: Promise<unknown>): void {
  asked.catch((error: unknown) => showToast('error', errorMessage(error)));
}
