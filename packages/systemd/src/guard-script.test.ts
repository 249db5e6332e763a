import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardScript } from './guard-script.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-test-guard-'));
  mkdirSync(join(directory, 'fenced'));
  writeFileSync(join(directory, 'lease-guard'), guardScript);
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs the guard with a systemctl that is this script; it has a directory of its own in $own. */
function run(verb: string, systemctl: string): { output: string; calls: string } {
  const command = join(directory, 'systemctl');
  const calls = join(directory, 'calls');
  writeFileSync(calls, '');
  writeFileSync(command, `#!/bin/sh\nown=${directory}\necho "$*" >>${calls}\n${systemctl}`);
  chmodSync(command, 0o755);
  const script = join(directory, 'lease-guard');
  const output = execFileSync('/bin/sh', [script, verb, directory, command], { timeout: 20_000 });
  return { output: String(output), calls: readFileSync(calls, 'utf8') };
}

/** It answers from the fourth call on; what is bound is up until it is killed. */
const answersLate = `
echo >>"$own/count"
[ "$(wc -l <"$own/count")" -gt 3 ] || exit 1
case $* in
  *BoundBy*) echo 'b.service "a\\\\x2d1.service"' ;;
  list-units*)
    if [ -e "$own/killed" ]; then state=failed; else state=active; fi
    printf '%s loaded %s dead Some unit\\n' b.service inactive 'a\\x2d1.service' "$state" host.service active ;;
  kill*) : >"$own/killed" ;;
esac
`;

test('a systemd that does not answer does not count as one on which nothing is up', () => {
  const { calls } = run('end', answersLate);
  expect(calls).toContain('kill --signal=KILL -- a\\x2d1.service\n');
});

test('what was up when the lease ended is noted', () => {
  writeFileSync(join(directory, 'count'), '\n\n\n');
  run('watch', answersLate);
  const noted = execFileSync('ls', [join(directory, 'fenced')]);
  expect(String(noted)).toBe('a\\x2d1.service\n');
});

test('two questions are enough, however many units there are', () => {
  const many = Array.from({ length: 2_500 }, (_, i) => `u${i}.service`);
  const { calls } = run(
    'watch',
    `case $* in
      *BoundBy*) echo '${many.join(' ')}' ;;
      list-units*) printf '%s loaded active running Some unit\\n' ${many.join(' ')} ;;
    esac`,
  );
  expect(calls.split('\n')).toHaveLength(3);
  expect(readdirSync(join(directory, 'fenced'))).toHaveLength(many.length);
});

test('without a unit that is bound to it the guard ends at once', () => {
  const { calls } = run('end', ':');
  expect(calls).toBe('show --property=BoundBy --value muster-lease.service\n');
});
