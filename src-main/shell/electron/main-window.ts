/** The one window. */
import type { BrowserWindow } from 'electron';
import { APP_ADDRESS } from './app-scheme.ts';
import { confineContents } from './confine.ts';
import type { ElectronParts } from './electron-parts.ts';
import { readWindowState, saveWindowState } from './window-state.ts';

const DEFAULT_SIZE = { width: 1280, height: 800 };
const MINIMUM_SIZE = { minWidth: 760, minHeight: 480 };
/** Shown until the page paints; the window's own background colours. */
const BACKGROUND = { dark: '#14171a', light: '#ffffff' };

export interface MainWindowOptions {
  readonly preload: string;
  readonly icon: string;
  readonly stateFile: string;
  openExternal(address: string): void;
  /** True when closing means hiding. */
  staysInTray(): boolean;
}

/** Creates the window and loads the page; it shows itself when that has painted. */
export function createMainWindow(
  { BrowserWindow, nativeTheme, screen }: ElectronParts,
  options: MainWindowOptions,
): BrowserWindow {
  const screens = screen.getAllDisplays().map((display) => display.workArea);
  const state = readWindowState(options.stateFile, screens);
  const window = new BrowserWindow({
    ...DEFAULT_SIZE,
    ...MINIMUM_SIZE,
    ...state?.bounds,
    title: 'Windlass',
    icon: options.icon,
    show: false,
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload: options.preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  });
  confineContents(window.webContents, (address) => options.openExternal(address));
  if (state?.isMaximized) window.maximize();
  window.once('ready-to-show', () => window.show());
  window.on('close', (event) => {
    saveWindowState(options.stateFile, window);
    if (!options.staysInTray()) return;
    event.preventDefault();
    window.hide();
  });
  void window.loadURL(APP_ADDRESS);
  return window;
}
