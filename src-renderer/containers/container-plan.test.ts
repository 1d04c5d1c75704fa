import { describe, expect, it } from 'vitest';
import {
  createBody,
  dockerRunLine,
  EMPTY_PLAN,
  findProblems,
  splitWords,
} from './container-plan.ts';

const free = { names: new Set<string>(), hostPorts: new Map<string, string>() };

describe('the create wizard', () => {
  it('writes the line that does the same', () => {
    const plan = {
      ...EMPTY_PLAN,
      image: 'busybox',
      name: 'web',
      command: `sh -c "echo it's \\"on\\""`,
      env: [{ name: 'A', value: 'x y' }],
      ports: [{ hostPort: '8080', containerPort: '80', protocol: 'tcp' as const }],
      mounts: [{ source: '/srv', target: '/data', readOnly: true }],
      memory: '64',
      restart: 'always' as const,
    };
    expect(dockerRunLine(plan)).toBe(
      `docker run -d -it --name web -e 'A=x y' -p 8080:80 -v /srv:/data:ro --memory 64m --restart always busybox sh -c 'echo it'\\''s "on"'`,
    );
    expect(createBody(plan)).toMatchObject({
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo it\'s "on"'],
      Env: ['A=x y'],
      HostConfig: { Memory: 64 * 1024 * 1024, PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
    });
  });

  it('names each problem at its field', () => {
    const taken = { names: new Set(['web']), hostPorts: new Map([['tcp/80', 'proxy']]) };
    const problems = findProblems(
      {
        ...EMPTY_PLAN,
        name: 'web',
        command: "echo 'open",
        env: [{ name: '', value: '' }],
        ports: [
          { hostPort: '80', containerPort: '80', protocol: 'tcp' },
          { hostPort: '', containerPort: '99999', protocol: 'tcp' },
        ],
        mounts: [{ source: '/a', target: 'b', readOnly: false }],
        memory: '2',
        restart: 'always',
        autoRemove: true,
      },
      taken,
    );
    expect(Object.keys(problems).sort()).toEqual(
      [
        'command',
        'env.0',
        'image',
        'memory',
        'mounts.0',
        'name',
        'ports.0',
        'ports.1',
        'restart',
      ].sort(),
    );
    expect(problems['ports.0']).toBe('proxy uses this host port.');
    expect(findProblems({ ...EMPTY_PLAN, image: 'localhost:5000/a/b:1.0-RC' }, free)).toEqual({});
  });

  it('splits words as a shell does', () => {
    expect(splitWords(`a "b c" d\\ e '' `)).toEqual(['a', 'b c', 'd e', '']);
    expect(splitWords('"open')).toBeUndefined();
  });
});
