import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { conflict } from '../../../shared/errors.ts';
import { ContainerdError } from './containerd-client.ts';
import { runtimeFailure, startFailure } from './runtime-errors.ts';

const unknown = (text: string): ContainerdError => new ContainerdError(status.UNKNOWN, text);

describe('startFailure', () => {
  it.each([
    ['exec: "x": executable file not found in $PATH', 400, '127', ''],
    ['exec: "/x": stat /x: no such file or directory', 400, '127', ''],
    ['exec: "/x": permission denied', 400, '126', ''],
    ['Permission Denied: no such file or directory', 400, '126', ''],
    [
      'mount /a:/b: not a directory',
      400,
      '127',
      ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type',
    ],
    ['applying cgroup configuration failed', 500, '128', ''],
  ])('of %j is status %i, exit code %s', (text, httpStatus, exitCode, suffix) => {
    expect(startFailure(unknown(text))).toMatchObject({
      status: httpStatus,
      message: `${text}: unknown${suffix}`,
      details: { exitCode },
    });
  });

  it('says the class of an error once', () => {
    expect(startFailure(unknown('broken: unknown')).message).toBe('broken: unknown');
    expect(startFailure(new ContainerdError(status.NOT_FOUND, 'task x')).message).toBe(
      'task x: not found',
    );
  });

  it('leaves what is classified already, and wraps what nobody knows', () => {
    const known = conflict('mine');
    expect(startFailure(known)).toBe(known);
    expect(startFailure(new TypeError('bug'))).toMatchObject({ code: 'internal' });
  });
});

describe('runtimeFailure', () => {
  it.each([
    [new ContainerdError(status.NOT_FOUND, 'no running task'), 'notFound'],
    [unknown('os: process already finished'), 'notFound'],
    [unknown('kill: no such process'), 'notFound'],
    [unknown('cannot pause'), 'internal'],
    [unknown('the connection to containerd is closed'), 'cancelled'],
  ])('of %s is %s', (error, code) => {
    expect(runtimeFailure(error)).toMatchObject({ code });
  });
});
