/** How terminals look: one choice for all of them, in force at once. */
import type { ITerminalOptions, ITheme } from '@xterm/xterm';
import type { Settings } from '../../shared/shell/contract.ts';

const DARK: ITheme = {
  background: '#0b1520',
  foreground: '#d7e2ea',
  cursor: '#5ec4e0',
  selectionBackground: '#2c5366',
};
const LIGHT: ITheme = {
  background: '#fbfdfe',
  foreground: '#14232e',
  cursor: '#0f6d8f',
  selectionBackground: '#b9dcea',
  black: '#14232e',
  red: '#b3261e',
  green: '#1d7a4d',
  yellow: '#8a5a00',
  blue: '#1c5fb0',
  magenta: '#8b3a93',
  cyan: '#0f6d8f',
  white: '#546773',
  brightBlack: '#546773',
  brightRed: '#b3261e',
  brightGreen: '#1d7a4d',
  brightYellow: '#8a5a00',
  brightBlue: '#1c5fb0',
  brightMagenta: '#8b3a93',
  brightCyan: '#0f6d8f',
  brightWhite: '#14232e',
};

export type TerminalLook = Pick<ITerminalOptions, 'fontSize' | 'theme'>;

/** What the settings say, with the page's theme as it is now. */
export function lookOf({ terminalFontSize, terminalTheme }: Settings): TerminalLook {
  const isLight =
    terminalTheme === 'app' && getComputedStyle(document.documentElement).colorScheme === 'light';
  return { fontSize: terminalFontSize, theme: isLight ? LIGHT : DARK };
}
