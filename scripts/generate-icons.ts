/**
 * Draws assets/ from the one drawing there is, src-renderer/app/icon.svg, in Chromium. Run it after changing
 * the drawing: `npx node scripts/generate-icons.ts`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const assets = join(root, 'assets');
/** What the freedesktop icon theme specification and electron-builder ask for. */
const SIZES = [16, 32, 48, 64, 128, 256, 512];
const drawing = readFileSync(join(root, 'src-renderer/app/icon.svg'), 'utf8');

async function draw(browser: Browser, pixels: number): Promise<Buffer> {
  const page = await browser.newPage({ viewport: { width: pixels, height: pixels } });
  const svg = drawing.replace('<svg ', `<svg width="${pixels}" height="${pixels}" `);
  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${svg}`);
  const png = await page.screenshot({ omitBackground: true });
  await page.close();
  return png;
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  mkdirSync(join(assets, 'icons/linux'), { recursive: true });
  for (const size of SIZES)
    writeFileSync(join(assets, 'icons/linux', `${size}x${size}.png`), await draw(browser, size));
  writeFileSync(join(assets, 'icons/windlass-512.png'), await draw(browser, 512));
  // A tray is 16 points high; Electron takes the second where a screen has two pixels a point.
  writeFileSync(join(assets, 'icons/windlass-tray.png'), await draw(browser, 16));
  writeFileSync(join(assets, 'icons/windlass-tray@2x.png'), await draw(browser, 32));
} finally {
  await browser.close();
}
