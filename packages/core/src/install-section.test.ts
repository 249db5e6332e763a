import fc from 'fast-check';
import { readInstallSection } from './install-section.ts';
import { parseUnitFile } from './unit-file.ts';

const machine = { hostname: 'web1.example.org', machineId: '0123456789abcdef0123456789abcdef' };
const read = (install: string, name = 'a.service', on: typeof machine | null = machine) =>
  readInstallSection(parseUnitFile(`[Install]\n${install}\n`), name, on);
const links = (install: string, name?: string): string[] =>
  read(install, name).links.map(({ path, target }) => `${path} -> ${target}`);

test.each<[string, string, string, string[]]>([
  ['nothing', '', 'a.service', []],
  [
    'WantedBy=',
    'WantedBy=multi-user.target',
    'a.service',
    ['multi-user.target.wants/a.service -> ../a.service'],
  ],
  [
    'RequiredBy=',
    'RequiredBy=b.service',
    'a.service',
    ['b.service.requires/a.service -> ../a.service'],
  ],
  [
    'several on a line and on several lines, quoted or not, each once',
    'WantedBy=b.target "c.target"\nWantedBy=\'d.target\' \\\n  b.target',
    'a.service',
    ['b', 'c', 'd'].map((t) => `${t}.target.wants/a.service -> ../a.service`),
  ],
  ['an empty assignment takes back', 'WantedBy=b.target\nWantedBy=\nAlias=', 'a.service', []],
  [
    'an instance wants what its specifiers say',
    'WantedBy=%p-%i.target %j@%i.service\nRequiredBy=%N.target',
    'web-front@7.service',
    [
      'front@7.service.wants/web-front@7.service -> ../web-front@7.service',
      'web-front-7.target.wants/web-front@7.service -> ../web-front@7.service',
      'web-front@7.target.requires/web-front@7.service -> ../web-front@7.service',
    ],
  ],
  [
    'the machine',
    'WantedBy=%H.target %l.target m-%m.target',
    'a.service',
    [
      'm-0123456789abcdef0123456789abcdef.target.wants/a.service -> ../a.service',
      'web1.example.org.target.wants/a.service -> ../a.service',
      'web1.target.wants/a.service -> ../a.service',
    ],
  ],
  ['an alias', 'Alias=b.service', 'a.service', ['b.service -> a.service']],
  ['the alias of an instance', 'Alias=b@1.service', 'a@1.service', ['b@1.service -> a@1.service']],
  [
    'the alias of an instance, named as that of its template',
    'Alias=b@.service',
    'a@1.service',
    ['b@1.service -> a@1.service'],
  ],
  ['its own name', 'Alias=%n', 'a.service', []],
  [
    'WantedBy= as it was written once',
    'Alias=b.target.wants/a.service',
    'a.service',
    ['b.target.wants/a.service -> ../a.service'],
  ],
  [
    'a template, of all instances',
    'WantedBy=b@.target',
    'a@1.service',
    ['b@.target.wants/a@1.service -> ../a@1.service'],
  ],
])('links: %s', (_, install, name, expected) => {
  expect(links(install, name)).toEqual(expected);
  expect(read(install, name)).toMatchObject({ problems: [], warnings: [] });
});

test('in a template, what depends on the instance is left out', () => {
  const install = 'WantedBy=%i.target b@.target\nAlias=%i.service c@.service';
  expect(read(install, 'a@.service')).toMatchObject({ problems: [], warnings: [] });
  expect(links(install, 'a@.service')).toEqual([
    'b@.target.wants/a@.service -> ../a@.service',
    'c@.service -> a@.service',
  ]);
});

test('where the machine is not known, what depends on it is left out', () => {
  expect(read('WantedBy=%H.target b.target\nAlias=%m.service', 'a.service', null)).toEqual({
    links: [{ path: 'b.target.wants/a.service', target: '../a.service', alias: null }],
    problems: [],
    warnings: [],
  });
});

test.each([
  ['no type', 'WantedBy=multi-user', 'WantedBy=multi-user: unit name must contain "."'],
  ['a path', 'WantedBy=a/b.target', "WantedBy=a/b.target: invalid character '/' in unit name"],
  [
    'too long',
    `WantedBy=${'x'.repeat(248)}.target`,
    `WantedBy=${'x'.repeat(248)}.target: the name is too long`,
  ],
  [
    'another type',
    'Alias=b.socket',
    'Alias=b.socket: the alias of a .service unit has to be one, too',
  ],
  [
    'an instance of something that is none',
    'Alias=b@1.service',
    'Alias=b@1.service: an alias has the same instance as its unit, or none as well',
  ],
  [
    'a reserved name',
    'Alias=dbus-org.freedesktop.login1.service',
    'Alias=dbus-org.freedesktop.login1.service: dbus-org.freedesktop.login1.service belongs to D-Bus on every machine',
  ],
  [
    'the old way to want, for another unit',
    'Alias=b.target.wants/c.service',
    "Alias=b.target.wants/c.service: invalid character '/' in unit name",
  ],
])('refused: %s', (_, install, expected) => {
  const { problems, links: none } = read(install);
  expect(problems).toEqual([expected]);
  expect(none).toEqual([]);
});

test('types that can have no alias', () => {
  expect(read('Alias=b.mount', 'a.mount').problems).toEqual([
    'Alias=b.mount: a .mount unit can have no alias',
  ]);
});

test.each([
  [
    'Also=',
    'Also=b.socket c.path',
    [
      'Also=b.socket has no effect: muster enables no other unit',
      'Also=c.path has no effect: muster enables no other unit',
    ],
  ],
  [
    'DefaultInstance=',
    'DefaultInstance=1',
    ['DefaultInstance=1 has no effect: muster runs no template'],
  ],
  ['a specifier', 'WantedBy=%v.target', ['WantedBy=%v.target has no effect: %v is not supported']],
  ['a lone %', 'WantedBy=b.target%', ['WantedBy=b.target% has no effect: % is not supported']],
  [
    'an option that is none',
    'WantedBye=b.target',
    ['WantedBye in [Install] has no effect; the nearest known option is WantedBy'],
  ],
])('warned: %s', (_, install, warnings) => {
  expect(read(install)).toEqual({ links: [], problems: [], warnings });
});

test('any values give links that stay in their directory', () => {
  const value = fc
    .array(
      fc.constantFrom('a', '.', '/', '..', '%i', '%', '@', '.target', '.wants', ' ', '"', '\\'),
      {
        maxLength: 10,
      },
    )
    .map((parts) => parts.join(''));
  const option = fc.constantFrom('WantedBy', 'RequiredBy', 'Alias', 'Also');
  fc.assert(
    fc.property(
      fc.array(fc.record({ section: fc.constant('Install'), name: option, value })),
      fc.constantFrom('a.service', 'a@b.service', 'a@.timer', 'a.mount'),
      (options, name) => {
        for (const { path, target, alias } of readInstallSection({ options }, name, machine)
          .links) {
          expect(path).toMatch(
            alias === null ? /^[^/]+\.(?:wants|requires)\/[^/]+$/ : /^[^/]+\.[a-z]+$/,
          );
          expect(target).toBe(alias === null ? `../${name}` : name);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
