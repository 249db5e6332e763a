import { offerOf } from './capacity.ts';

test('what is kept of the CPUs is not rounded up for what a number cannot hold', () => {
  const reserved = { cpus: 1.1, memoryBytes: 0, diskBytes: 0 };
  expect(offerOf({ cpus: 2, memoryBytes: 1, reserved }).cpu).toBe(900);
});
