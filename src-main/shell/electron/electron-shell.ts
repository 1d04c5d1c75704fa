/** Windlass in a window of its own: one instance, one window, one port to its page. */
import type { BrowserWindow } from 'electron';
import { errorMessage } from '../../../shared/errors.ts';
import { type ShellHandlers, serveShell } from '../../../shared/shell/server.ts';
import type { SettingsStore } from '../settings-store.ts';
import { registerAppScheme, serveAppScheme } from './app-scheme.ts';
import { confineSession, isWebAddress } from './confine.ts';
import type { ElectronParts } from './electron-parts.ts';
import { createMainWindow } from './main-window.ts';
import { menuTemplate } from './menu.ts';
import { acceptPorts } from './message-port.ts';
import { createTray } from './tray.ts';

const DOCUMENTATION = 'https://docs.docker.com/reference/api/engine/';

export interface ElectronShellOptions {
  /** The built window. */
  readonly directory: string;
  /** The built preload script. */
  readonly preload: string;
  readonly icon: string;
  readonly trayIcon: string;
  readonly stateFile: string;
  readonly settings: SettingsStore;
  readonly platform: NodeJS.Platform;
}

/** Must be called while the app is starting, before anything is awaited: Electron fixes its schemes then. */
export class ElectronShell {
  readonly #parts: ElectronParts;
  readonly #options: ElectronShellOptions;
  #window: BrowserWindow | undefined;
  #hasTray = false;
  #isServing = false;
  #isQuitting = false;

  constructor(parts: ElectronParts, options: ElectronShellOptions) {
    this.#parts = parts;
    this.#options = options;
    registerAppScheme(parts.protocol);
  }

  /** False when Windlass runs already: that one has come to the front, this one must go. */
  claimInstance(): boolean {
    const { app } = this.#parts;
    if (!app.requestSingleInstanceLock()) return false;
    app.on('second-instance', () => this.#show());
    app.on('activate', () => this.#show());
    app.on('before-quit', () => {
      this.#isQuitting = true;
    });
    app.on('window-all-closed', () => {
      if (!this.#staysInTray()) app.quit();
    });
    return true;
  }

  /** Opens the window. When the user quits, runs `close` and exits; rejects when that fails, without exiting. */
  async run(handlers: ShellHandlers, close: () => Promise<void>): Promise<void> {
    const { app, ipcMain, Menu, protocol, session } = this.#parts;
    const quitting = this.#untilQuit();
    await app.whenReady();
    confineSession(session.defaultSession);
    serveAppScheme(protocol, this.#options.directory);
    const openDocumentation = (): void => this.#try(this.openExternal(DOCUMENTATION));
    const template = menuTemplate(this.#options.platform, { openDocumentation });
    Menu.setApplicationMenu(Menu.buildFromTemplate(template));
    acceptPorts(
      ipcMain,
      () => this.#window,
      (port) => serveShell(port, handlers, () => new AbortController()),
    );
    const tray = this.#openTray();
    this.#isServing = true;
    this.#show();
    await quitting;
    tray?.destroy();
    await close();
    app.exit();
  }

  /** Shows an address of the web in the user's browser; others are ignored. */
  async openExternal(address: string): Promise<void> {
    if (isWebAddress(address)) await this.#parts.shell.openExternal(address);
  }

  /** Tells of a failure that leaves no window to tell it in. */
  fail(message: string): void {
    this.#parts.dialog.showErrorBox('Windlass', message);
  }

  /** A choice in a menu has nobody to answer to: its failure is shown. */
  #try(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.fail(errorMessage(error)));
  }

  /** The first `will-quit` is held back until everything is closed. */
  #untilQuit(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.app.on('will-quit', (event) => {
        event.preventDefault();
        resolve();
      });
    });
  }

  #show(): void {
    const window = this.#window;
    if (!window) {
      this.#open();
      return;
    }
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }

  #open(): void {
    // A second instance may ask before there is anything to show.
    if (!this.#isServing) return;
    const { preload, icon, stateFile } = this.#options;
    const window = createMainWindow(this.#parts, {
      preload,
      icon,
      stateFile,
      openExternal: (address) => this.#try(this.openExternal(address)),
      staysInTray: () => this.#staysInTray(),
    });
    window.on('closed', () => {
      this.#window = undefined;
    });
    this.#window = window;
  }

  #staysInTray(): boolean {
    return this.#hasTray && !this.#isQuitting && this.#options.settings.read().keepRunningInTray;
  }

  #openTray(): ReturnType<typeof createTray> | undefined {
    const { settings, trayIcon } = this.#options;
    try {
      const tray = createTray(this.#parts, trayIcon, {
        keepsRunning: () => settings.read().keepRunningInTray,
        setKeepsRunning: (keepRunningInTray) => this.#try(settings.write({ keepRunningInTray })),
        open: () => this.#show(),
        quit: () => this.#parts.app.quit(),
      });
      this.#hasTray = true;
      return tray;
    } catch {
      // A desktop without a tray: closing the window quits, as nothing could bring it back.
      return undefined;
    }
  }
}
