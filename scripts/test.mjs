/** Sets up what tests need, builds, checks, runs every test. On CI a missing real part is a failure. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  installDebianPackages,
  installNpmPackages,
  must,
  pinnedNode,
  root,
  run,
  TEST_PACKAGES,
} from './setup.mjs';

installNpmPackages();
installDebianPackages(TEST_PACKAGES);
must(pinnedNode, [join(root, 'scripts/build.mjs')]);
must(pinnedNode, [join(root, 'scripts/check.mjs')]);

const report = join(root, '.cache/test-report.json');
rmSync(report, { force: true });
const code = run(pinnedNode, [
  join(root, 'node_modules/vitest/vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);
const counts = existsSync(report)
  ? JSON.parse(readFileSync(report, 'utf8'))
  : { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
const isSkipping = counts.numPendingTests > 0;
if (isSkipping)
  process.stderr.write(
    `${counts.numPendingTests} tests were skipped; a skipped test proves nothing\n`,
  );
process.stdout.write(`\n${counts.numPassedTests} passed, ${counts.numFailedTests} failed\n`);
process.exit(isSkipping ? 1 : code);
