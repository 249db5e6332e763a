import {
  checkUnitName,
  expandSpecifiers,
  parseUnitName,
  templateOf,
  withDefaultSuffix,
} from './unit-name.ts';

test.each([
  ['a service', 'web.service', null],
  ['an instance', 'web@1.service', null],
  ['a template', 'web@.service', null],
  ['an escaped path', 'srv-data\\x2dbig.mount', null],
  ['colon, dash, underscore, dots', 'a:b-c_d.e.service', null],
  ['the longest', `${'a'.repeat(247)}.service`, null],
  ['nothing', '', 'unit name cannot be empty'],
  [
    'longer than fleet takes',
    `${'a'.repeat(249)}.service`,
    'unit name exceeds maximum length (256)',
  ],
  [
    'longer than systemd takes',
    `${'a'.repeat(248)}.service`,
    'unit name exceeds maximum length of systemd (255)',
  ],
  [
    'bytes count, not characters',
    `${'é'.repeat(200)}.service`,
    'unit name exceeds maximum length (256)',
  ],
  ['no dot', 'web', 'unit name must contain "."'],
  ['a dot at the end', 'web.', 'unit name cannot end in "."'],
  ['a type that does not exist', 'web.foo', 'invalid unit type: "foo"'],
  ['types are in lower case', 'web.Service', 'invalid unit type: "Service"'],
  ['an instance of a type that has none', 'web@1.mount', 'invalid unit type for template: "mount"'],
  ['a slash', 'a/b.service', "invalid character '/' in unit name"],
  ['a blank', 'a b.service', "invalid character ' ' in unit name"],
  ['a character beyond the first plane', 'a😀.service', "invalid character '😀' in unit name"],
  ['@ at the beginning', '@1.service', 'unit name cannot start in "@"'],
  ['nothing but a type', '.service', 'unit name has nothing before ".service"'],
])('name: %s', (_, name, expected) => {
  expect(checkUnitName(name)).toBe(expected);
});

test.each([
  [
    'web.service',
    { stem: 'web', type: 'service', prefix: 'web', instance: null, isTemplate: false },
  ],
  [
    'web@1.service',
    { stem: 'web@1', type: 'service', prefix: 'web', instance: '1', isTemplate: false },
  ],
  [
    'web@.service',
    { stem: 'web@', type: 'service', prefix: 'web', instance: '', isTemplate: true },
  ],
  [
    'a@b@c.timer',
    { stem: 'a@b@c', type: 'timer', prefix: 'a', instance: 'b@c', isTemplate: false },
  ],
  [
    'a@1.2.service',
    { stem: 'a@1.2', type: 'service', prefix: 'a', instance: '1.2', isTemplate: false },
  ],
  ['nothing', { stem: 'nothing', type: '', prefix: 'nothing', instance: null, isTemplate: false }],
])('parts of %s', (name, parts) => {
  expect(parseUnitName(name)).toEqual({ name, ...parts });
});

test.each([
  ['web@1.service', 'web@.service'],
  ['a@b@c.timer', 'a@.timer'],
  ['web@.service', null],
  ['web.service', null],
])('template of %s is %s', (name, expected) => {
  expect(templateOf(name)).toBe(expected);
});

test.each([
  ['web', 'web.service'],
  ['web@1', 'web@1.service'],
  ['web.service', 'web.service'],
  ['web.timer', 'web.timer'],
  ['a.target', 'a.target'],
  ['web.1', 'web.1.service'],
])('%s means %s', (name, expected) => {
  expect(withDefaultSuffix(name)).toBe(expected);
});

test.each([
  ['the name', '%n', 'web@1.service', 'web@1.service'],
  ['without type', '%N', 'web@1.service', 'web@1'],
  ['the prefix', '%p', 'web@1.service', 'web'],
  ['the instance', 'db@%i.service', 'web@1.service', 'db@1.service'],
  ['no instance', 'db@%i.service', 'web.service', 'db@.service'],
  ['a template has no instance yet', '%p-%i', 'web@.service', 'web-%i'],
  ['a percent sign', '%%i', 'web@1.service', '%i'],
  ['three', '%%%i', 'web@1.service', '%1'],
  ['others stay', '%H %I %', 'web@1.service', '%H %I %'],
  ['nothing is expanded twice', '%i', 'web@%n.service', '%n'],
  ['nothing is unescaped', '%i', 'web@a\\x2db.service', 'a\\x2db'],
])('specifiers: %s', (_, value, name, expected) => {
  expect(expandSpecifiers(value, name)).toBe(expected);
});
