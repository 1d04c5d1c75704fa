import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWebShell, type WebShell } from '../../src-main/shell/web/web-shell.ts';
import { launchChromium } from '../support/chromium.ts';
import { contractCases } from './cases.ts';
import { contractShell } from './contract-shell.ts';

/** Bundles page.ts into a directory that a web shell can serve. */
async function buildPage(directory: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      outDir: directory,
      minify: false,
      rollupOptions: {
        input: fileURLToPath(new URL('./page.ts', import.meta.url)),
        output: { entryFileNames: 'page.js' },
      },
    },
  });
  const script = '<script type="module" src="/page.js"></script>';
  writeFileSync(
    join(directory, 'index.html'),
    `<!doctype html><link rel="icon" href="data:,">${script}`,
  );
}

describe('shell contract in Chromium over a WebSocket', () => {
  let directory: string;
  let browser: Browser;
  let shell: WebShell;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'windlass-contract-'));
    await buildPage(directory);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(directory, { recursive: true });
  });

  beforeEach(async () => {
    complaints.length = 0;
    shell = await startWebShell({ directory, handlers: contractShell(), port: 0 });
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(shell.address);
  });
  afterEach(async () => {
    await page.close();
    await shell[Symbol.asyncDispose]();
  });

  const runCase = (name: string): Promise<string> =>
    page.evaluate(
      (asked) => (window as unknown as { runCase(name: string): Promise<string> }).runCase(asked),
      name,
    );

  it.each(contractCases)('$name', async ({ name }) => {
    expect(await runCase(name)).toBe('');
    expect(complaints).toEqual([]);
  });

  it('shows no token in the address bar, and none to scripts', async () => {
    expect(page.url()).not.toContain('token');
    expect(await page.evaluate(() => document.cookie)).toBe('');
  });

  it('runs no script but the shell’s own', async () => {
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      return 'injected' in window;
    });
    expect(ran).toBe(false);
    await expect.poll(() => complaints.join()).toContain('Content Security Policy');
  });

  it('tells the window when the shell is gone', async () => {
    // Connected, before it is lost.
    expect(await runCase('answers a call')).toBe('');
    const outcome = runCase('stops a fast window at a slow shell');
    await shell[Symbol.asyncDispose]();
    expect(await outcome).toMatch(/got "unavailable"|shell is lost/);
  });
});
