/** What the create wizard collects, what is wrong with it, and what it becomes: an API body and a `docker run` line. */
interface PortRow {
  readonly hostPort: string;
  readonly containerPort: string;
  readonly protocol: 'tcp' | 'udp';
}

interface EnvRow {
  readonly name: string;
  readonly value: string;
}

interface MountRow {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface ContainerPlan {
  readonly image: string;
  readonly name: string;
  readonly command: string;
  readonly tty: boolean;
  readonly env: readonly EnvRow[];
  readonly ports: readonly PortRow[];
  readonly mounts: readonly MountRow[];
  /** MB; '' = no limit. */
  readonly memory: string;
  /** CPUs, `0.5`; '' = no limit. */
  readonly cpus: string;
  readonly restart: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  readonly autoRemove: boolean;
}

export const EMPTY_PLAN: ContainerPlan = {
  image: '',
  name: '',
  command: '',
  tty: true,
  env: [],
  ports: [],
  mounts: [],
  memory: '',
  cpus: '',
  restart: 'no',
  autoRemove: false,
};

/** Field → what is wrong. Rows are `ports.0`. */
export type PlanProblems = Readonly<Record<string, string>>;

const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

export interface Taken {
  readonly names: ReadonlySet<string>;
  /** `tcp/8080` → who has it. */
  readonly hostPorts: ReadonlyMap<string, string>;
}

export function findProblems(plan: ContainerPlan, taken: Taken): PlanProblems {
  const problems: Record<string, string> = {};
  if (plan.image.trim() === '') problems['image'] = 'Choose an image.';
  else if (
    !/^[a-z0-9][a-z0-9._/:@-]*$/.test(plan.image.replace(/:[\w.-]+$/, (tag) => tag.toLowerCase()))
  )
    problems['image'] = 'An image name is lower-case letters, digits and . _ - / :';
  if (plan.name !== '' && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(plan.name))
    problems['name'] = 'Two or more letters, digits, _ . or -, beginning with a letter or digit.';
  else if (taken.names.has(plan.name)) problems['name'] = 'Another container has this name.';
  if (splitWords(plan.command) === undefined) problems['command'] = 'A quote is not closed.';
  plan.env.forEach((row, index) => {
    if (row.name === '' || row.name.includes('='))
      problems[`env.${index}`] = 'A name, without “=”.';
  });
  plan.ports.forEach((row, index) => {
    const problem = portProblem(row, plan.ports.slice(0, index), taken);
    if (problem) problems[`ports.${index}`] = problem;
  });
  plan.mounts.forEach((row, index) => {
    if (row.source === '') problems[`mounts.${index}`] = 'A host directory (/…) or a volume name.';
    else if (!row.target.startsWith('/') || row.target === '/')
      problems[`mounts.${index}`] = 'The path in the container begins with / and is not / itself.';
  });
  if (plan.memory !== '' && !(Number(plan.memory) >= 6)) problems['memory'] = 'At least 6 MB.';
  if (plan.cpus !== '' && !(Number(plan.cpus) >= 0.01))
    problems['cpus'] = 'A number such as 0.5 or 2.';
  if (plan.autoRemove && plan.restart !== 'no')
    problems['restart'] = 'A container that is removed when it ends cannot be restarted.';
  return problems;
}

function portProblem(row: PortRow, before: readonly PortRow[], taken: Taken): string | undefined {
  if (!isPort(row.containerPort)) return 'The container’s port is a number from 1 to 65535.';
  if (row.hostPort === '') return undefined;
  if (!isPort(row.hostPort))
    return 'The host’s port is a number from 1 to 65535, or empty for any.';
  const isTwice = before.some(
    (one) => one.hostPort === row.hostPort && one.protocol === row.protocol,
  );
  if (isTwice) return 'This host port is used twice.';
  const holder = taken.hostPorts.get(`${row.protocol}/${row.hostPort}`);
  return holder === undefined ? undefined : `${holder} uses this host port.`;
}

/** Splits a command as a shell would, quotes kept together; undefined when one is not closed. */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let hasWord = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (quote !== '') {
      if (character === quote) quote = '';
      else if (character === '\\' && quote === '"') word += text[++index] ?? '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      hasWord = true;
    } else if (character === '\\') {
      word += text[++index] ?? '';
      hasWord = true;
    } else if (/\s/.test(character)) {
      if (hasWord) words.push(word);
      word = '';
      hasWord = false;
    } else {
      word += character;
      hasWord = true;
    }
  }
  if (quote !== '') return undefined;
  return hasWord ? [...words, word] : words;
}

/** A word as a POSIX shell takes it. */
const quoteWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The equivalent command line. */
export function dockerRunLine(plan: ContainerPlan): string {
  const words = ['docker', 'run', '-d'];
  if (plan.tty) words.push('-it');
  if (plan.autoRemove) words.push('--rm');
  if (plan.name !== '') words.push('--name', plan.name);
  for (const { name, value } of plan.env) words.push('-e', `${name}=${value}`);
  for (const { hostPort, containerPort, protocol } of plan.ports) {
    const suffix = protocol === 'udp' ? '/udp' : '';
    words.push('-p', `${hostPort === '' ? '' : `${hostPort}:`}${containerPort}${suffix}`);
  }
  for (const { source, target, readOnly } of plan.mounts)
    words.push('-v', `${source}:${target}${readOnly ? ':ro' : ''}`);
  if (plan.memory !== '') words.push('--memory', `${plan.memory}m`);
  if (plan.cpus !== '') words.push('--cpus', plan.cpus);
  if (plan.restart !== 'no') words.push('--restart', plan.restart);
  return [...words, plan.image, ...(splitWords(plan.command) ?? [])].map(quoteWord).join(' ');
}

/** The body of `POST /containers/create`. */
export function createBody(plan: ContainerPlan): object {
  const command = splitWords(plan.command) ?? [];
  const portKey = (row: PortRow): string => `${row.containerPort}/${row.protocol}`;
  return {
    Image: plan.image,
    Tty: plan.tty,
    OpenStdin: plan.tty,
    ...(command.length > 0 ? { Cmd: command } : {}),
    Env: plan.env.map(({ name, value }) => `${name}=${value}`),
    ExposedPorts: Object.fromEntries(plan.ports.map((row) => [portKey(row), {}])),
    HostConfig: {
      AutoRemove: plan.autoRemove,
      Binds: plan.mounts.map(
        ({ source, target, readOnly }) => `${source}:${target}${readOnly ? ':ro' : ''}`,
      ),
      Memory: plan.memory === '' ? 0 : Math.round(Number(plan.memory) * 1024 * 1024),
      NanoCpus: plan.cpus === '' ? 0 : Math.round(Number(plan.cpus) * 1e9),
      PortBindings: Object.fromEntries(
        plan.ports.map((row) => [portKey(row), [{ HostIp: '', HostPort: row.hostPort }]]),
      ),
      RestartPolicy: { Name: plan.restart },
    },
  };
}
