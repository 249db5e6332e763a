const { default: TestRunner } = require('jest-runner');

/**
 * Two lanes side by side, each one file after the other: tests in the lab, which mostly wait for
 * machines, and all others. Two of one lane at a time would take too much from each other.
 */
module.exports = class LanesRunner extends TestRunner {
  constructor(globalConfig, context) {
    super({ ...globalConfig, maxWorkers: 1 }, context);
  }

  async runTests(tests, watcher, options) {
    const inLab = tests.filter(({ path }) => path.endsWith('.lab.test.ts'));
    const others = tests.filter((test) => !inLab.includes(test));
    if (inLab.length === 0 || others.length === 0) return super.runTests(tests, watcher, options);
    const run = (lane) => super.runTests(lane, watcher, { ...options, serial: false });
    await Promise.all([run(inLab), run(others)]);
  }
};
