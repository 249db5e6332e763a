import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { hashUnitFile, parseUnitFile } from '@muster/core';
import type { DesiredState, UnitOption } from '@muster/core';
import type { StoredUnit } from '../decide-unit-write.ts';
import { decidePut, readPut } from './decide-put.ts';
import { readPutBody } from './read-body.ts';

const origin = { by: 'somebody' };
const sleep = [{ section: 'Service', name: 'ExecStart', value: '/bin/sleep 3000' }];
const hash = '7dc08eb00f0c705e84a61e030d98e8cc3c994954';
const text = '[Service]\nExecStart=/bin/sleep 3000\n';
const other = [{ section: 'Service', name: 'ExecStart', value: '/bin/true' }];
const twoLines = [{ section: 'Service', name: 'ExecStart', value: '/bin/true\nUser=root' }];

function stored(desiredState: DesiredState, file: string | null = text): StoredUnit {
  const unit = {
    name: 'a.service',
    hash,
    desiredState,
    restarts: 3,
    origin: { by: 'before' },
    createRevision: 5,
    modRevision: 7,
  };
  return { unit, file };
}

/** `409 message`, or what is settled: `201 launched` when it is written, `204 nothing` when not. */
function outcomeOf(name: string, body: object, current: StoredUnit | null): string {
  const read = readPutBody(body);
  if (read.type === 'malformed') return `unreadable: ${read.why}`;
  const put = readPut(name, read.body);
  const decision = 'type' in put ? put : decidePut(put, { current, origin });
  if (decision.type === 'refused') return `${decision.status} ${decision.message}`;
  const { write, status } = decision;
  if (write === null) return `${status} nothing`;
  expect(write).toMatchObject({ name, expect: current?.unit.modRevision ?? 0, set: { origin } });
  return `${status} ${write.set?.desiredState} ${write.set?.hash === hash ? 'same' : 'other'}`;
}

test.each<[string, string, object, StoredUnit | null, string]>([
  ['new, without a state: inactive', 'a.service', { options: sleep }, null, '201 inactive same'],
  [
    'new, with one',
    'a.service',
    { options: sleep, desiredState: 'launched' },
    null,
    '201 launched same',
  ],
  [
    'new, without options',
    'a.service',
    { desiredState: 'launched' },
    null,
    '409 unit does not exist and options field empty',
  ],
  [
    'an empty list is no options',
    'a.service',
    { options: [] },
    null,
    '409 unit does not exist and options field empty',
  ],
  [
    'what is missing is said before what is wrong with the state',
    'a.service',
    { desiredState: 'x' },
    null,
    '409 unit does not exist and options field empty',
  ],
  [
    'options before the state',
    'a.service',
    { options: twoLines, desiredState: 'x' },
    null,
    '400 option "ExecStart" in section "Service" does not read back as it was given',
  ],
  [
    'a new template may not be active',
    't@.service',
    { options: sleep, desiredState: 'loaded' },
    null,
    '400 cannot activate template "t@.service"',
  ],
  ['a new template that is not', 't@.service', { options: sleep }, null, '201 inactive same'],
  [
    'an instance without options is not made from its template',
    't@1.service',
    {},
    null,
    '409 unit does not exist and options field empty',
  ],
  [
    'the rules of [X-Fleet]',
    'a.service',
    {
      options: [
        ...sleep,
        { section: 'X-Fleet', name: 'MachineID', value: 'abcdef01' },
        { section: 'X-Fleet', name: 'Global', value: 'true' },
      ],
    },
    null,
    '400 MachineID cannot be used with Global',
  ],
  ['a name that is none', 'a', {}, null, '400 unit name must contain "."'],
  [
    'a name of the host',
    'dbus.service',
    { options: sleep },
    null,
    '400 dbus.service belongs to D-Bus on every machine',
  ],
  [
    'the name in the body before the name itself',
    'a',
    { name: 'b' },
    null,
    '400 name in URL "a" differs from unit name in request body "b"',
  ],
  [
    'the same again, without a state',
    'a.service',
    { options: sleep },
    stored('launched'),
    '409 must provide DesiredState to update existing unit',
  ],
  [
    'nothing at all',
    'a.service',
    {},
    stored('launched'),
    '409 must provide DesiredState to update existing unit',
  ],
  ['another state', 'a.service', { desiredState: 'loaded' }, stored('launched'), '204 loaded same'],
  [
    'another state, with the options it has',
    'a.service',
    { desiredState: 'loaded', options: sleep },
    stored('launched'),
    '204 loaded same',
  ],
  ['the same state', 'a.service', { desiredState: 'loaded' }, stored('loaded'), '204 nothing'],
  [
    'a state that is none',
    'a.service',
    { desiredState: 'lanched' },
    stored('launched'),
    '400 invalid desiredState "lanched": must be inactive, loaded, launched',
  ],
  [
    'other options, without a state: inactive',
    'a.service',
    { options: other },
    stored('launched'),
    '201 inactive other',
  ],
  [
    'other options, with a state',
    'a.service',
    { options: other, desiredState: 'launched' },
    stored('inactive'),
    '201 launched other',
  ],
  [
    'other options are checked as well',
    'a.service',
    { options: twoLines, desiredState: 'launched' },
    stored('inactive'),
    '400 option "ExecStart" in section "Service" does not read back as it was given',
  ],
  [
    'a template that is there may not be activated',
    't@.service',
    { desiredState: 'launched' },
    stored('inactive'),
    '400 cannot activate template "t@.service"',
  ],
  [
    'nor by giving it other options',
    't@.service',
    { options: other, desiredState: 'launched' },
    stored('inactive'),
    '400 cannot activate template "t@.service"',
  ],
  [
    'content that is missing in the store is not known',
    'a.service',
    { desiredState: 'loaded' },
    stored('inactive', null),
    `409 the content of unit "a.service" (${hash}) is missing in the store: submit it again`,
  ],
  [
    'content that is missing is stored again',
    'a.service',
    { options: sleep, desiredState: 'inactive' },
    stored('inactive', null),
    '204 inactive same',
  ],
  [
    'blanks around a value are not part of it',
    'a.service',
    { options: [{ section: 'Service', name: 'ExecStart ', value: '  /bin/sleep 3000\t' }] },
    null,
    '201 inactive same',
  ],
])('%s', (_situation, name, body, current, outcome) => {
  const unit = current && { ...current, unit: { ...current.unit, name } };
  expect(outcomeOf(name, body, unit)).toBe(outcome);
});

test.each<[unknown, string]>([
  [[], 'the body must be an object'],
  ['x', 'the body must be an object'],
  [{ name: 1 }, 'name must be a string'],
  [{ desiredState: {} }, 'desiredState must be a string'],
  [{ options: {} }, 'options must be an array'],
  [{ options: [null] }, 'options[0] must be an object'],
  [{ options: [{}, { value: 5 }] }, 'options[1].value must be a string'],
])('the body %j cannot be read: %s', (body, why) => {
  expect(readPutBody(body)).toEqual({ type: 'malformed', why });
});

test('absent, null and a key in another case', () => {
  const nothing = { type: 'read', body: { name: '', options: [], desiredState: '' } };
  for (const body of [null, {}, { name: null, options: null, extra: [1] }]) {
    expect(readPutBody(body)).toEqual(nothing);
  }
  const cased = {
    NAME: 'a',
    Options: [{ Section: 's', NAME: 'n', vaLue: 'v' }],
    DESIREDSTATE: 'x',
  };
  expect(readPutBody(cased)).toEqual({
    type: 'read',
    body: { name: 'a', options: [{ section: 's', name: 'n', value: 'v' }], desiredState: 'x' },
  });
});

const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,8}$/);
const line = fc.stringMatching(/^([!-[\]-~]([ -[\]-~]{0,20}[!-[\]-~])?)?$/);
const option = fc.record({ section: word, name: word, value: line });

test('property: options are stored so that they come back, with fleet’s hash of them', () => {
  fc.assert(
    fc.property(fc.array(option, { minLength: 1, maxLength: 12 }), (options) => {
      const put = readPut('a.target', { name: '', options, desiredState: '' });
      if ('type' in put || put.content === null || put.contentProblem !== null) return;
      const decision = decidePut(put, { current: null, origin });
      const set = decision.type === 'settled' ? decision.write?.set : undefined;
      const back = parseUnitFile(set?.file ?? '').options;
      expect(bySection(back)).toEqual(bySection(options));
      expect(set?.hash).toBe(createHash('sha1').update(fleetText(options)).digest('hex'));
      expect(set?.hash).toBe(hashUnitFile({ options: back }));
    }),
  );
});

test('property: no value can smuggle in another option', () => {
  const wild = fc.record({
    section: fc.oneof(word, fc.string()),
    name: fc.oneof(word, fc.string()),
    value: fc.oneof(
      line,
      fc.string(),
      fc.string({ unit: fc.constantFrom('\\', '\n', '=', 'a', '#', '[', ']', '\r', ' ') }),
    ),
  });
  fc.assert(
    fc.property(fc.array(wild, { minLength: 1, maxLength: 4 }), (given) => {
      const read = readPutBody({ options: given });
      if (read.type === 'malformed') throw new Error(read.why);
      const { options } = read.body;
      const put = readPut('a.target', read.body);
      if ('type' in put || put.contentProblem !== null) return;
      const back = parseUnitFile(put.content?.text ?? '').options;
      expect(bySection(back)).toEqual(bySection(options));
    }),
    { numRuns: 2000 },
  );
});

function bySection(options: readonly UnitOption[]): Record<string, string[]> {
  const sections = new Map<string, string[]>();
  for (const { section, name, value } of options) {
    sections.set(section, [...(sections.get(section) ?? []), `${name}=${value}`]);
  }
  return Object.fromEntries(sections);
}

/** As fleet wrote a unit file out: sections as they come, one blank line between them. */
function fleetText(options: readonly UnitOption[]): string {
  return Object.entries(bySection(options))
    .map(([section, lines]) => `[${section}]\n${lines.map((each) => `${each}\n`).join('')}`)
    .join('\n');
}
