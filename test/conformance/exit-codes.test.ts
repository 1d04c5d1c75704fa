/** Exit codes and words of `docker run`. */
import { describeRows } from './both-daemons.ts';

describeRows('docker run', [
  { name: 'echo', steps: ['docker run --rm busybox echo hello'] },
  { name: 'exit code', steps: ["docker run --rm busybox sh -c 'exit 7'"] },
  { name: 'no such command', steps: ['docker run --rm busybox nope', 'docker ps -aq'] },
  { name: 'not executable', steps: ['docker run --rm busybox /etc/passwd'] },
  { name: 'a directory', steps: ['docker run --rm busybox /etc'] },
  { name: 'no image', steps: ['docker run --rm --pull never nope true'] },
  {
    name: 'name conflict',
    steps: ['docker create --name taken busybox true', 'docker create --name taken busybox true'],
  },
]);
