import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoundUnits } from './bound-units.ts';
import { sha1 } from './systemd.contract.ts';

const free = '[Service]\nExecStart=/bin/sleep infinity\n';
const bound = `${free}[X-Fleet]\nOnPartition=stop\n`;
const loaded = {
  name: 'a.service',
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  job: null,
};

let scratch: string;
let units: BoundUnits;

function open(): BoundUnits {
  const [directory, unitDirectory] = [join(scratch, 'muster'), join(scratch, 'units')];
  return new BoundUnits({ directory, unitDirectory, systemctl: ['systemctl'] });
}
const write = (text: string) =>
  units.write(
    'a.service',
    { hash: sha1(text), text },
    { hostDirectories: [], startGuard: () => Promise.resolve() },
  );
const isMinded = (): boolean =>
  existsSync(join(scratch, 'muster/lease')) &&
  existsSync(join(scratch, 'units/muster-lease.service'));

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'muster-test-bound-'));
  mkdirSync(join(scratch, 'muster'));
  units = open();
  units.hold({ stopAt: 1_000, killAt: 2_000 });
  await write(bound);
});
afterEach(() => rmSync(scratch, { recursive: true }));

test('a unit that is not to be bound any more keeps its lease until systemd has read its file', async () => {
  const epochs = () => readdirSync(join(scratch, 'muster/epoch')).length;
  await write(free);
  units.look([loaded]);
  units.list();
  expect(isMinded()).toBe(true);
  expect(epochs()).toBe(1);
  const ended = units.reloadBegins();
  expect(isMinded()).toBe(true);
  ended();
  expect(isMinded()).toBe(false);
});

test('one that is not loaded needs it no longer', async () => {
  await write(free);
  units.look([]);
  expect(isMinded()).toBe(false);
});

test('a file that somebody takes away leaves the unit its lease', () => {
  rmSync(join(scratch, 'units/a.service'));
  units.list();
  expect(isMinded()).toBe(true);
});

test('a reload that began before the file was written again says nothing of it', async () => {
  const ended = units.reloadBegins();
  await write(free);
  ended();
  expect(isMinded()).toBe(true);
});

test('what an earlier process has left is known from the beginning', () => {
  expect([...open().files.bound]).toEqual(['a.service']);
});

test('a mark that cannot be made now is made later, and lists go on', () => {
  const guard = { ...loaded, name: 'muster-lease.service' };
  units.look([guard, loaded]);
  const marks = join(scratch, 'muster/fenced');
  rmSync(marks, { recursive: true });
  units.look([]);
  mkdirSync(marks);
  units.look([]);
  expect([...units.fenced()]).toEqual(['a.service']);
});
