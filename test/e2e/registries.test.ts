/** Logging in to a registry from the window, and pulling and pushing with it; the docker CLI's own logins too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBarriers, shoot, TestApp } from '../support/app.ts';
import { CREDENTIALS, startPasswordRegistry } from '../support/guarded-registry.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import type { TestRegistry } from '../support/registry.ts';

let app: TestApp;
let page: Page;
let registry: TestRegistry;
let image: string;

const dialog = () => page.getByRole('dialog');
const go = (name: string): Promise<void> =>
  page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
const pull = async (): Promise<void> => {
  await go('Images');
  await page.getByLabel('Image to pull').fill(image);
  await page.getByRole('button', { name: 'Pull' }).click();
};
const login = async (password: string): Promise<void> => {
  await dialog().getByLabel('Registry').fill(registry.host);
  await dialog().getByLabel('User').fill(CREDENTIALS.username);
  await dialog().getByLabel('Password or token').fill(password);
  await dialog().getByRole('button', { name: 'Log in' }).click();
};

beforeAll(async () => {
  registry = await startPasswordRegistry();
  app = await TestApp.start();
  image = `${registry.host}/vault/busybox:1`;
  const { username, password } = CREDENTIALS;
  await app.docker(['login', '-u', username, '-p', password, registry.host]);
  await app.docker(['tag', 'busybox', image]);
  const pushed = await app.docker(['push', image]);
  if (pushed.code !== 0) throw new Error(pushed.stderr);
  await app.docker(['rmi', image]);
  page = await app.open();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  expect(app.leaks()).toEqual(NO_LEAKS);
});

describe('registries', () => {
  it('the docker command is logged in to serve the window too, until they are left', async () => {
    await pull();
    await page.getByLabel('Pulls').getByText('Downloaded newer image').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await go('Registries');
    await page.getByRole('row', { name: `${registry.host}, user` }).waitFor();
    await page.getByText('config.json, unencrypted').waitFor();
    await page.getByRole('button', { name: `Log out of ${registry.host}` }).click();
    await dialog().getByRole('button', { name: 'Log out' }).click();
    await page.getByText('No registry is logged in to').waitFor();
    expect(JSON.parse(readFileSync(join(app.root, 'docker/config.json'), 'utf8'))).toEqual({
      auths: {},
    });
    await app.docker(['rmi', image]);
    await pull();
    await page.locator('.pull-failed').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  it('are logged in to after the engine has tried the password, and used', async () => {
    await go('Registries');
    await page.getByRole('button', { name: 'Log in' }).click();
    await login('wrong');
    await dialog().getByRole('alert').waitFor();
    await shoot(page, '33-login-light');
    expect(await findBarriers(page)).toEqual([]);
    await login(CREDENTIALS.password);
    await page.getByText('in memory, until Windlass ends').waitFor();
    await shoot(page, '34-registries-light');
    expect(await findBarriers(page)).toEqual([]);
    await pull();
    await page.getByLabel('Pulls').getByText('Downloaded newer image').waitFor();
  });
});
