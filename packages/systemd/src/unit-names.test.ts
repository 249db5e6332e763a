import { resultInterface, templateOf, unitPath } from './unit-names.ts';

test.each([
  ['a.service', 'a_2eservice'],
  ['1.service', '_31_2eservice'],
  ['web@1.service', 'web_401_2eservice'],
  ['dev-a\\x2db.mount', 'dev_2da_5cx2db_2emount'],
  ['ä.service', '_c3_a4_2eservice'],
])('%s has the path that sd_bus_path_encode gives it', (name, encoded) => {
  expect(unitPath(name)).toBe(`/org/freedesktop/systemd1/unit/${encoded}`);
});

test.each([
  ['web@1.service', 'web@.service'],
  ['web@a.b@c.service', 'web@.service'],
  ['web@.service', null],
  ['web.service', null],
  ['@1.service', null],
])('%s is an instance of %s', (name, template) => {
  expect(templateOf(name)).toBe(template);
});

test.each([
  ['a.service', 'org.freedesktop.systemd1.Service'],
  ['a.automount', 'org.freedesktop.systemd1.Automount'],
  ['a.target', null],
])('%s has its Result in %s', (name, expected) => {
  expect(resultInterface(name)).toBe(expected);
});
