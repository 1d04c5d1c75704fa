import { describe, it } from 'vitest';
import { createShellClient } from '../../shared/shell/client.ts';
import { portPair } from '../../shared/shell/port.ts';
import { serveShell } from '../../shared/shell/server.ts';
import { contractCases } from './cases.ts';
import { contractShell } from './contract-shell.ts';

describe('shell contract in memory', () => {
  it.each(contractCases)('$name', async (one) => {
    const [window, shell] = portPair();
    serveShell(shell, contractShell(), () => new AbortController());
    await one.run(createShellClient(window));
    window.close();
  });
});
