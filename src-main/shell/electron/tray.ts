/** The tray icon: back to the window, whether closing keeps Windlass running, and the way out. */
import type { MenuItemConstructorOptions, Tray } from 'electron';
import type { ElectronParts } from './electron-parts.ts';

export interface TrayActions {
  keepsRunning(): boolean;
  setKeepsRunning(isKept: boolean): void;
  open(): void;
  quit(): void;
}

const trayTemplate = (actions: TrayActions): MenuItemConstructorOptions[] => [
  { label: 'Open Windlass', click: () => actions.open() },
  { type: 'separator' },
  {
    label: 'Keep running when the window is closed',
    type: 'checkbox',
    checked: actions.keepsRunning(),
    click: (item) => actions.setKeepsRunning(item.checked),
  },
  { label: 'Quit Windlass', click: () => actions.quit() },
];

/** Puts the icon up. The caller keeps the answer: a forgotten tray is collected and vanishes. */
export function createTray(
  { Tray, Menu }: Pick<ElectronParts, 'Tray' | 'Menu'>,
  icon: string,
  actions: TrayActions,
): Tray {
  const tray = new Tray(icon);
  const show = (): void => tray.setContextMenu(Menu.buildFromTemplate(trayTemplate(actions)));
  tray.setToolTip('Windlass');
  tray.on('click', () => actions.open());
  show();
  return tray;
}
