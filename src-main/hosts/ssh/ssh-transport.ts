/** The bytes below an SSH connection when no jump host carries them: TCP, or a ProxyCommand's pipes. */
import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import type { SshTarget } from './ssh-target.ts';

/** Opens what ssh_config says. Rejects with the system's error, or the ProxyCommand's last words. */
export async function openTransport(target: SshTarget, signal: AbortSignal): Promise<Duplex> {
  return target.proxyCommand === undefined
    ? openTcp(target, signal)
    : openProxyCommand(target.proxyCommand, signal);
}

function openTcp({ hostName: host, port, connectTimeout }: SshTarget, signal: AbortSignal) {
  return new Promise<Duplex>((resolve, reject) => {
    const socket = connectTcp({ host, port, signal, noDelay: true });
    const timeout = Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });
    if (connectTimeout > 0) socket.setTimeout(connectTimeout * 1000, () => socket.destroy(timeout));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** The two pipes of a ProxyCommand as one stream; its end tells why. */
function openProxyCommand(command: string, signal: AbortSignal): Duplex {
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-500);
  });
  const stream = new Duplex({
    read: () => void child.stdout.resume(),
    write: (chunk, _encoding, done) => {
      // A pipe that breaks says less than the command's exit, which follows.
      child.stdin.write(chunk, () => done());
    },
    final: (done) => {
      child.stdin.end();
      done();
    },
    destroy: (error, done) => {
      child.kill();
      done(error);
    },
  });
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) child.stdout.pause();
  });
  child.once('error', (error) => stream.destroy(error));
  child.once('close', (code) => {
    if (code) stream.destroy(new Error(`the ProxyCommand ended with ${code}: ${said.trim()}`));
    else stream.push(null);
  });
  return stream;
}
