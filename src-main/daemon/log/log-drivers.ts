/** The log drivers there are. */
import { invalidArgument } from '../../../shared/errors.ts';
import { jsonFileDriver } from './json-file.ts';
import { localDriver } from './local.ts';
import type { LogDriver, LogDrivers } from './log-driver.ts';

/** `none`: nothing is kept, nothing can be read. */
const noneDriver: LogDriver = {
  name: 'none',
  validate: () => undefined,
  open: async () => ({ name: 'none', write: async () => undefined, close: async () => undefined }),
  openReader: async () => undefined,
};

const DRIVERS: ReadonlyMap<string, LogDriver> = new Map(
  [jsonFileDriver, localDriver, noneDriver].map((driver) => [driver.name, driver]),
);

export const logDrivers: LogDrivers = {
  get(name) {
    const driver = DRIVERS.get(name === '' ? 'json-file' : name);
    if (!driver)
      throw invalidArgument(`error looking up logging plugin ${name}: plugin "${name}" not found`);
    return driver;
  },
};

/** Those that keep something, as `docker info` lists them. */
export const logDriverNames: readonly string[] = [...DRIVERS.keys()].filter(
  (name) => name !== 'none',
);
