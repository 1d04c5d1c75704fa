/** The native menu. Its roles give text fields and terminals the keys of the platform. */
import type { MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  openDocumentation(): void;
}

/** The template for a platform (`process.platform`). */
export function menuTemplate(
  platform: NodeJS.Platform,
  actions: MenuActions,
): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin';
  const appMenu: MenuItemConstructorOptions = { role: 'appMenu' };
  return [
    ...(isMac ? [appMenu] : []),
    { label: '&File', submenu: [isMac ? { role: 'close' } : { role: 'quit' }] },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        { label: 'Docker Engine &API', click: () => actions.openDocumentation() },
        ...(isMac ? [] : [{ role: 'about' } as const]),
      ],
    },
  ];
}
