/** The page of the web carrier's test: connects as the window does and runs the cases it is told to. */
import { connectShell } from '../../src-renderer/app/connect-shell.ts';
import { contractCases } from './cases.ts';

const client = connectShell();

/** Runs one case; its failure is the answer's text. */
async function runCase(name: string): Promise<string> {
  const found = contractCases.find((one) => one.name === name);
  if (!found) return `no case ${name}`;
  try {
    await found.run(await client);
    return '';
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

Object.assign(window, { runCase });
