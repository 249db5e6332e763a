import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { simple, useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
/** Without a cluster that could be asked. */
const verify = (...args: string[]): Promise<Ended> =>
  cli().run('musterctl', ['verify', ...args], { MUSTER_ENDPOINT: 'unix:/nowhere.sock' });
const ok = (out: string): Ended => ({ status: 0, out, err: '' });

test('what is fine can be submitted', async () => {
  cli().unitFile('units/web@.service', `${simple}[X-Fleet]\nConflicts=%p@*.service\n`);
  cli().unitFile('units/db.service', `[Unit]\nRequires=disk.service\n${simple}`);
  cli().unitFile('units/README.md', 'no unit');
  expect(await verify('units/web@.service')).toEqual(ok('1 unit file can be submitted\n'));
  expect(await verify('units/web@{1..3}')).toEqual(ok('3 unit files can be submitted\n'));
  expect(await verify('units')).toEqual(
    ok(`units/db.service:2: warning: Requires=disk.service without MachineOf=disk.service: if it is a unit of the cluster it may be on another machine
2 unit files can be submitted
`),
  );
  expect(await cli().run('musterctl', ['lint', 'units', '-o', 'yaml'], {})).toEqual(
    ok(`- file: units/db.service
  unit: db.service
  line: 2
  severity: warning
  message: "Requires=disk.service without MachineOf=disk.service: if it is a unit
    of the cluster it may be on another machine"
`),
  );
});

test('what is not is named with file and line', async () => {
  cli().unitFile('a.service', 'nonsense\n');
  cli().unitFile('b.service', `${simple}[X-Fleet]\nMachineOf=c.service\nGlobal=true\nConflict=x\n`);
  cli().unitFile('c.service', simple);
  expect(await verify('a.service', 'b.service', 'c.service')).toEqual({
    status: 1,
    out: `a.service:1: "nonsense" stands before the first section
b.service:5: Global cannot be used with Peers
b.service:6: Conflict in [X-Fleet] is not known and has no effect; the nearest known option is Conflicts
`,
    err: 'error: problems in 2 of 3 unit files\n',
  });
  const json = await verify('-o', 'json', 'a.service');
  expect(json.status).toBe(1);
  expect(JSON.parse(json.out)).toEqual([
    {
      file: 'a.service',
      unit: 'a.service',
      line: 1,
      severity: 'error',
      message: '"nonsense" stands before the first section',
    },
  ]);
});

test.each<[string[], string]>([
  [['none.service'], 'error: there is no file none.service\n'],
  [['./none'], 'error: there is no file none.service\n'],
  [['web@1'], 'error: there is no file web@1.service\n'],
  [['empty'], 'error: there is no unit file in empty\n'],
  [[], "error: missing required argument 'file'\n"],
])('%j is misuse', async (args, err) => {
  mkdirSync(path.join(cli().dir, 'empty'));
  expect(await verify(...args)).toEqual({ status: 2, out: '', err });
});

test.each([
  ['ok.service', simple],
  ['no-section.service', 'ExecStart=/bin/true\n'],
  ['empty.service', '# nothing\n'],
  ['systemd-x.service', simple],
  ['two words.service', simple],
  ['binary.service', 'a\u0000b'],
  ['contradiction.service', `${simple}[X-Fleet]\nGlobal=true\nMachineOf=a.service\n`],
  ['half.service', `${simple}[X-Fleet]\nMachineMetadata=a\n`],
  ['scope.scope', '[Scope]\nA=b\n'],
  ['target.target', '[Unit]\nDescription=a\n'],
])('it and the cluster agree on %s', async (name, text) => {
  cli().unitFile(`units/${name}`, text);
  const submitted = await cli().musterctl('submit', `units/${name}`);
  expect((await verify(`units/${name}`)).status === 0).toBe(submitted.status === 0);
});
