/**
 * Sets up what tests need, builds, checks, runs every test. On CI a missing real part is a failure.
 * Real daemons, kernels and browsers share the machine with the tests, so a file that failed is run once
 * more with nothing beside it. It must pass then, and that it failed first is printed.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  installDebianPackages,
  installNpmPackages,
  must,
  pinnedNode,
  root,
  run,
  TEST_PACKAGES,
} from './setup.mjs';

/** A change that breaks more files than this is broken, not unlucky. */
const MOST_FILES_AGAIN = 8;

installNpmPackages();
installDebianPackages(TEST_PACKAGES);
must(pinnedNode, [join(root, 'scripts/build.mjs')]);
must(pinnedNode, [join(root, 'scripts/check.mjs')]);

/** Runs vitest; answers its exit code and its report (undefined when it wrote none). */
function runTests(args) {
  const path = join(root, '.cache/test-report.json');
  rmSync(path, { force: true });
  const code = run(pinnedNode, [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${path}`,
    ...args,
  ]);
  return { code, report: existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined };
}

const failedFilesOf = (report) =>
  report.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);

const countOf = (report, file, wanted) =>
  report.testResults
    .filter(({ name }) => name === file)
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === wanted).length;

const { code, report } = runTests(process.argv.slice(2));
if (!report) {
  process.stderr.write('vitest ended without a report\n');
  process.exit(code || 1);
}
if (report.numPendingTests > 0) {
  process.stderr.write(
    `${report.numPendingTests} tests were skipped; a skipped test proves nothing\n`,
  );
  process.exit(1);
}
let { numPassedTests: passed, numFailedTests: failed } = report;
let isBroken = code !== 0;
const files = failedFilesOf(report);
if (isBroken && files.length > 0 && files.length <= MOST_FILES_AGAIN) {
  isBroken = false;
  for (const file of files) {
    const name = relative(root, file);
    process.stdout.write(`\nOnce more, alone: ${name}\n`);
    const again = runTests(['--no-file-parallelism', name]);
    if (again.code !== 0 || !again.report) {
      isBroken = true;
      continue;
    }
    process.stdout.write(`Failed beside others, passed alone: ${name}\n`);
    passed += countOf(again.report, file, 'passed') - countOf(report, file, 'passed');
    failed -= countOf(report, file, 'failed');
  }
}

process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exit(isBroken ? 1 : 0);
