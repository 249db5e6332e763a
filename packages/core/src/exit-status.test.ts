import { exitText, failureText } from './exit-status.ts';
import type { ProcessExit } from './exit-status.ts';

test.each<[ProcessExit, string]>([
  [{ code: 'exited', status: 0 }, '0/SUCCESS'],
  [{ code: 'exited', status: 1 }, '1/FAILURE'],
  [{ code: 'exited', status: 42 }, '42'],
  [{ code: 'exited', status: 203 }, '203/EXEC'],
  [{ code: 'exited', status: 223 }, '223'],
  [{ code: 'killed', status: 11 }, 'killed/SEGV'],
  [{ code: 'killed', status: 36 }, 'killed/RTMIN+2'],
  [{ code: 'killed', status: 33 }, 'killed/33'],
  [{ code: 'dumped', status: 6 }, 'dumped/ABRT'],
])('%j is %s', (exit, text) => {
  expect(exitText(exit)).toBe(text);
});

test.each<[result: string, ProcessExit | null, string]>([
  ['exit-code', { code: 'exited', status: 203 }, '203/EXEC'],
  ['signal', { code: 'killed', status: 9 }, 'killed/KILL'],
  ['core-dump', { code: 'dumped', status: 11 }, 'dumped/SEGV'],
  ['start-limit-hit', { code: 'exited', status: 1 }, 'start-limit-hit, 1/FAILURE'],
  ['timeout', { code: 'killed', status: 9 }, 'timeout, killed/KILL'],
  // The process ended well; what came after it did not.
  ['exit-code', { code: 'exited', status: 0 }, 'exit-code'],
  ['dependency', null, 'dependency'],
])('the result %s with %j is told as %s', (result, exit, text) => {
  expect(failureText(result, exit)).toBe(text);
});
