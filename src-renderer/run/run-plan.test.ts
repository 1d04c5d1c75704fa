import { describe, expect, it } from 'vitest';
import { composeText } from './compose-text.ts';
import { LINE_ONLY, LINE_ONLY_SHORT } from './line-words.ts';
import { findProblems } from './plan-problems.ts';
import { createBody, planOf } from './run-body.ts';
import { RUN_OPTIONS } from './run-options.ts';
import { EMPTY_PLAN, readRunLine, writeRunLine } from './run-plan.ts';
import { splitWords } from './words.ts';

const FREE = {
  names: new Set<string>(),
  hostPorts: new Map<string, string>(),
  networks: new Set<string>(),
};

const LINE = [
  `docker run -d -it --name web -e 'A=x y' --entrypoint '/bin/sh -c' -w /srv -u 1000:1000 --restart on-failure:3`,
  '-p 8080:80 -p 127.0.0.1:53:53/udp -P --network sea --network-alias w --ip 10.9.0.4 -h host1 --add-host db:10.0.0.5',
  '--dns 1.1.1.1 -v /srv:/data:ro -v cargo:/cargo --mount type=bind,source=/a,target=/b,readonly --tmpfs /run:size=64m',
  '--shm-size 32m --read-only -m 64m --cpus 0.5 --pids-limit 50 --cpuset-cpus 0-1 --device-read-bps /dev/sda:10m',
  '--ulimit nofile=10:20 --health-cmd true --health-interval 5s --health-retries 2 --cap-add NET_ADMIN --cap-drop ALL',
  '--security-opt no-new-privileges --device /dev/fuse:/dev/fuse:rwm --gpus all --sysctl net.core.somaxconn=1024',
  "-l 'a=b c' --init --stop-signal SIGINT --stop-timeout 3 --log-driver json-file --log-opt max-size=1m busybox:1 sh -c 'echo it'\\''s'",
].join(' ');

describe('a docker run line', () => {
  it('survives the way into the form and out again', () => {
    const { plan, problems } = readRunLine(LINE);
    expect(problems).toEqual([]);
    expect(writeRunLine(plan)).toBe(LINE);
  });

  it('survives the way through the engine', () => {
    const { plan } = readRunLine(LINE);
    const { HostConfig, ...Config } = createBody(plan) as Record<string, object>;
    const aliases = { sea: { Aliases: ['w'], IPAMConfig: { IPv4Address: '10.9.0.4' } } };
    const again = planOf({
      Id: 'f'.repeat(64),
      Name: '/web',
      Config,
      HostConfig: { ...HostConfig },
      NetworkSettings: { Networks: aliases },
    });
    // json-file is what the engine takes by itself.
    expect(writeRunLine(again)).toBe(LINE.replace('--log-driver json-file ', ''));
  });

  it('is taken as people write it', () => {
    const { plan, problems } = readRunLine(
      'sudo docker container run --rm -dp=80:80 \\\n  --env=A=b=c -itm64m --net host --memory-swap=-1 --privileged=false nginx -g "daemon off;"',
    );
    expect(problems).toEqual([]);
    expect(plan).toMatchObject({ image: 'nginx', command: "-g 'daemon off;'" });
    expect(plan.options).toEqual({
      rm: ['true'],
      publish: ['80:80'],
      env: ['A=b=c'],
      interactive: ['true'],
      tty: ['true'],
      memory: ['64m'],
      network: ['host'],
      'memory-swap': ['-1'],
    });
  });

  it('says what it does not understand', () => {
    expect(readRunLine('docker run --frobnicate busybox').problems).toEqual([
      '--frobnicate is not an option this form knows.',
    ]);
    expect(readRunLine("docker run 'x").problems).toEqual(['A quote is not closed.']);
    expect(readRunLine('docker run -it').problems).toEqual(['The line names no image.']);
  });
});

describe('the table of options', () => {
  it('has each name and letter once, each with help', () => {
    const names = [...RUN_OPTIONS.map(({ name }) => name), ...LINE_ONLY.keys()];
    const letters = [
      ...RUN_OPTIONS.flatMap(({ short }) => short ?? []),
      ...Object.keys(LINE_ONLY_SHORT),
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(letters).size).toBe(letters.length);
    expect(RUN_OPTIONS.filter(({ help, label }) => help === '' || label === '')).toEqual([]);
  });
});

describe('a plan', () => {
  it('has its problems named at the field', () => {
    const problems = findProblems(
      {
        name: 'web',
        image: '',
        command: "echo 'open",
        options: {
          env: ['=x'],
          publish: ['80:80', '99999', '81:1', '81:2'],
          volume: ['/a:b'],
          memory: ['2m'],
          cpus: ['many'],
          rm: ['true'],
          restart: ['always'],
          network: ['nowhere', 'host'],
        },
      },
      { names: new Set(['web']), hostPorts: new Map([['tcp/80', 'proxy']]), networks: new Set() },
    );
    expect(problems).toEqual({
      name: 'Another container has this name.',
      image: 'Choose an image.',
      command: 'A quote is not closed.',
      'env.0': 'A name, without “=”.',
      'publish.0': 'proxy uses this host port.',
      'publish.1': 'The container’s port is a number from 1 to 65535.',
      'publish.3': 'This host port is used twice.',
      'volume.0': 'The path in the container begins with / and is not / itself.',
      memory: 'At least 6 MB.',
      cpus: 'A number such as 0.5 or 2.',
      restart: 'A container that is removed when it ends cannot be restarted.',
      'network.0': 'There is no such network here.',
    });
    expect(findProblems({ ...EMPTY_PLAN, image: 'localhost:5000/a/b:1.0-RC' }, FREE)).toEqual({});
  });

  it('is a Compose service', () => {
    const { plan } = readRunLine(
      'docker run -it --name web -p 80:80 -v cargo:/data -v /srv:/srv -m 64m --network sea -e A=b nginx -v',
    );
    expect(composeText(plan)).toBe(
      [
        'services:',
        '  web:',
        '    image: nginx',
        '    container_name: web',
        '    command:',
        '      - -v',
        '    stdin_open: true',
        '    tty: true',
        '    ports:',
        '      - 80:80',
        '    volumes:',
        '      - cargo:/data',
        '      - /srv:/srv',
        '    mem_limit: 64m',
        '    networks:',
        '      - sea',
        '    environment:',
        '      - A=b',
        'networks:',
        '  sea:',
        '    external: true',
        'volumes:',
        '  cargo:',
        '    external: true',
        '',
      ].join('\n'),
    );
  });
});

describe('words', () => {
  it('are split as a shell does', () => {
    expect(splitWords(`a "b c" d\\ e '' `)).toEqual(['a', 'b c', 'd e', '']);
    expect(splitWords('"open')).toBeUndefined();
  });
});
