/** The files of a container, as a person looks at them and changes them; running, stopped, and on another engine. */
import { readFileSync } from 'node:fs';
import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let app: TestApp;
let page: Page;

const MAKE = [
  'mkdir -p /srv/many /srv/empty; echo hello > /srv/greeting.txt; chmod 640 /srv/greeting.txt',
  'chown 7:8 /srv/greeting.txt; head -c 100 /dev/zero > /srv/zeros; ln -s /srv/many /srv/link',
  'cd /srv/many; seq -w 1 6000 | xargs touch',
].join('; ');

beforeAll(async () => {
  app = await TestApp.start();
  const run = ['run', '-d', '--name', 'hold', '-v', 'stores:/srv/stores', 'busybox'];
  await app.docker([...run, 'sleep', '1000']);
  await app.docker(['exec', 'hold', 'sh', '-c', MAKE]);
  page = await app.open();
  // Without the picker files are saved as any browser does, which a test can look at.
  await page.evaluate(() => Reflect.deleteProperty(globalThis, 'showSaveFilePicker'));
  await page.getByRole('row', { name: /^hold/ }).click();
  await page.getByRole('tab', { name: 'files' }).click();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

const open = (name: string): Promise<void> =>
  page
    .getByRole('row', { name: `${name}, `, exact: false })
    .first()
    .click();
const go = (name: string): Promise<void> =>
  page.getByRole('navigation', { name: 'Directory' }).getByRole('button', { name }).click();
const inContainer = async (...args: string[]): Promise<string> =>
  (await app.docker(['exec', 'hold', ...args])).stdout;
const saved = async (button: string): Promise<Buffer> => {
  const coming: Promise<Download> = page.waitForEvent('download');
  await page.getByRole('button', { name: button, exact: true }).click();
  return readFileSync(await (await coming).path());
};

describe('the files of a container', () => {
  it('are listed with size, rights and owner, folders first', async () => {
    await open('srv');
    const row = page.getByRole('row', { name: 'greeting.txt, file' });
    await row.waitFor();
    expect((await row.innerText()).split(/\s+/).slice(0, 5)).toEqual([
      'greeting.txt',
      '6',
      'B',
      '-rw-r-----',
      '7:8',
    ]);
    await page.getByRole('row', { name: 'link, folder' }).getByText('/srv/many').waitFor();
    await shoot(page, '24-files-light');
    expect(await findBarriers(page)).toEqual([]);
  });

  it('are shown as text, changed in place, owner and rights kept', async () => {
    await open('greeting.txt');
    const text = page.getByLabel('Text of /srv/greeting.txt');
    await text.fill('ahoy ✓\n');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('greeting.txt is saved').waitFor();
    await shoot(page, '25-file-text-light');
    expect(await findBarriers(page)).toEqual([]);
    expect(await inContainer('stat', '-c', '%a %u:%g', '/srv/greeting.txt')).toBe('640 7:8\n');
    expect(await inContainer('cat', '/srv/greeting.txt')).toBe('ahoy ✓\n');
    await page.getByRole('button', { name: 'Back to the directory' }).click();
    await open('zeros');
    await page.getByText('It is no text').waitFor();
    expect(await saved('Download')).toEqual(Buffer.alloc(100));
    await page.getByRole('button', { name: 'Back to the directory' }).click();
  });

  it('are bounded: a huge directory tells how much of it is shown', async () => {
    await open('link');
    await page.getByText('There are 6,000 entries; the first 5,000 are shown.').waitFor();
    await go('srv');
  });

  it('stop the container and go on: upload, folder, download, delete', async () => {
    await app.docker(['kill', 'hold']);
    await page.getByRole('button', { name: 'New folder' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('näw');
    await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click();
    await open('näw');
    await page.getByText('This directory is empty').waitFor();
    const name = `${'long-'.repeat(30)}.bin`;
    const buffer = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 251));
    await page
      .getByLabel('Files to upload')
      .setInputFiles([{ name, mimeType: 'application/octet-stream', buffer }]);
    await page.getByRole('row', { name: `${name}, file` }).waitFor();
    // The same by dropping it.
    await page.getByLabel('Files, take what is dropped here').evaluate((place) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['dropped'], 'dropped.txt'));
      place.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true }));
    });
    await page.getByRole('row', { name: 'dropped.txt, file' }).waitFor();
    expect(await saved(`Download ${name}`)).toEqual(buffer);
    await page.getByRole('button', { name: 'Delete dropped.txt' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('row', { name: 'dropped.txt, file' }).waitFor({ state: 'detached' });
    const copied = await app.docker(['cp', 'hold:/srv/näw', '-']);
    expect(copied.stdout).toContain(name.slice(0, 100));
    expect(copied.stdout).not.toContain('dropped');
  });

  it('are not deleted where something is mounted', async () => {
    await go('srv');
    await page.getByRole('button', { name: 'Delete stores' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('/srv/stores holds what is mounted at /srv/stores').waitFor();
  });

  it('of a volume are the same, through a container that mounts it', async () => {
    await page.getByRole('navigation').getByRole('link', { name: 'Volumes' }).click();
    await page.getByRole('row', { name: /^stores/ }).click();
    await page
      .getByLabel('Files to upload')
      .setInputFiles([{ name: 'crate', mimeType: 'text/plain', buffer: Buffer.from('tea') }]);
    await open('crate');
    await expect.poll(() => page.getByLabel('Text of /srv/stores/crate').inputValue()).toBe('tea');
    await page.getByRole('button', { name: 'Back to the directory' }).click();
    await page.getByRole('row', { name: 'crate, file' }).waitFor();
    await shoot(page, '26-volume-files-light');
    expect(await findBarriers(page)).toEqual([]);
  });
});
