import { createApiClient } from '@muster/api/client';
import { simple } from './cli-cluster.ts';
import type { CliCluster } from './cli-cluster.ts';

/** What a shell that reads it as its own runs: in a file's name and in metadata. */
export const hostile = 'evil $(touch pwned)`touch pwned`;\'"\\&|{a,b}*';

/** Units in all states, some with names that shells find hard, and unit files beside them. */
export async function fillForCompletion(filled: CliCluster): Promise<void> {
  const { cluster, socket } = filled;
  for (const file of ['units/new.service', 'units/new@.timer', 'my units/other.service']) {
    filled.unitFile(file, simple);
  }
  filled.unitFile('units/notes.txt', '');
  filled.unitFile(`odd/${hostile}.service`, simple);
  const client = createApiClient({ endpoint: socket });
  const global = `${simple}[X-Fleet]\nGlobal=true\n`;
  await client.writeUnits([
    { name: 'web@.service', file: simple },
    { name: 'idle.service', file: simple },
    { name: 'web@2.service', desiredState: 'loaded' },
    { name: 'web@1.service', desiredState: 'launched' },
    { name: 'my\\x2dapp.service', file: simple, desiredState: 'launched' },
    { name: 'a:b.service', file: simple, desiredState: 'launched' },
    { name: 'all.service', file: global, desiredState: 'launched' },
    {
      name: 'broken.service',
      file: '[Service]\nExecStart=/bin/false\n',
      desiredState: 'launched',
    },
  ]);
  cluster.addMachine('9abcdef0'.repeat(4), null, { metadata: { key: hostile } });
}
