import {
  formatBytes,
  parseBytes,
  parseCpuNumbers,
  parseMilliCpus,
  parsePermyriad,
} from './amounts.ts';

test.each([
  ['0', 0],
  ['1048576', 1024 ** 2],
  ['512M', 512 * 1024 ** 2],
  ['1.5G', 1.5 * 1024 ** 3],
  ['1G 512M', 1.5 * 1024 ** 3],
  ['10 K', 10 * 1024],
  ['7B', 7],
  ['1T', 1024 ** 4],
  ['', null],
  ['M', null],
  ['1m', null],
  ['1MB', null],
  ['-1', null],
  ['1M 1G', null],
  ['1 1', null],
  ['9000E', null],
  ['infinity', null],
])('%j has %p bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  [0, '0'],
  [1023, '1023'],
  [1024, '1K'],
  [1.5 * 1024 ** 3, '1.5G'],
  [1024 ** 2 - 1, '1M'],
  [1024 ** 5, '1P'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test('what is wanted is rounded up and what is left is rounded down, so that they differ', () => {
  expect(formatBytes(1.25 * 1024 ** 3 + 1, 'up')).toBe('1.3G');
  expect(formatBytes(1.25 * 1024 ** 3, 'down')).toBe('1.2G');
  expect(formatBytes(1024 ** 3 - 1, 'down')).toBe('1023.9M');
});

test.each([
  ['10%', 1000],
  ['12.5%', 1250],
  ['0.05%', 5],
  ['250%', 25_000],
  ['125‰', 1250],
  ['12.5‰', 125],
  ['1255‱', 1255],
  ['12.55‰', null],
  ['12.5‱', null],
  ['10', null],
  ['%', null],
  ['-1%', null],
])('%s is %p ten-thousandths', (text, permyriad) => {
  expect(parsePermyriad(text)).toBe(permyriad);
});

test.each([
  ['0.5', 500],
  ['2', 2000],
  ['150%', 1500],
  ['0.1%', 1],
  ['0.0001', null],
  ['half', null],
])('%s is %p thousandths of a CPU', (text, count) => {
  expect(parseMilliCpus(text)).toBe(count);
});

test.each([
  ['0-2', [0, 1, 2]],
  ['4,1 1', [1, 4]],
  ['', []],
  ['3-1', null],
  ['a', null],
  ['0-9999', null],
])('CPUs %j are %p', (text, numbers) => {
  expect(parseCpuNumbers(text)).toEqual(numbers);
});
