/** The keys of a terminal that are not the program's, as each platform has them. */

export type TerminalKey = 'copy' | 'paste' | 'find' | 'leave';

const isMac = /Mac/.test(navigator.platform);
const isWindows = /Win/.test(navigator.platform);

/** What a key means; undefined: it is the program's. */
export function terminalKey(event: KeyboardEvent, hasSelection: boolean): TerminalKey | undefined {
  if (event.key === 'F6') return 'leave';
  const key = event.key.toLowerCase();
  const isPlatform = isMac
    ? event.metaKey && !event.ctrlKey
    : event.ctrlKey && event.shiftKey && !event.altKey;
  if (isPlatform && key === 'c') return hasSelection ? 'copy' : undefined;
  if (isPlatform && key === 'v') return 'paste';
  if (isPlatform && key === 'f') return 'find';
  const isPlainControl = event.ctrlKey && !event.shiftKey && !event.altKey;
  if (isWindows && isPlainControl && key === 'c' && hasSelection) return 'copy';
  if (isWindows && isPlainControl && key === 'v') return 'paste';
  return undefined;
}

/** How the keys are called on this machine. */
export const KEY_NAMES = isMac
  ? { copy: '⌘C', paste: '⌘V', find: '⌘F' }
  : { copy: 'Ctrl Shift C', paste: 'Ctrl Shift V', find: 'Ctrl Shift F' };
