/** Runs sandboxed, before the page, as one CommonJS file (built by scripts/build.mjs). */
import { ipcRenderer } from 'electron';
import { offerShellPort } from './offer-shell-port.ts';

offerShellPort(window, ipcRenderer);
