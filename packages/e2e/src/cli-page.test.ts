import { normalise, readRecordings, writeRecordings } from './cli-page.ts';

const page = `# Top

\`\`\`sh
$ not recorded
\`\`\`

## start

\`\`\`console
$ musterctl start web
Unit web.service launched

and a line
$ musterctl stop web
\`\`\`

## Follow

\`\`\`console
$ musterctl journal -f web
a line
^C
\`\`\`
`;

test('recordings are read in order', () => {
  expect(readRecordings(page)).toEqual([
    {
      command: 'musterctl start web',
      output: 'Unit web.service launched\n\nand a line',
      heading: 'start',
      isInterrupted: false,
    },
    { command: 'musterctl stop web', output: '', heading: 'start', isInterrupted: false },
    {
      command: 'musterctl journal -f web',
      output: 'a line\n^C',
      heading: 'Follow',
      isInterrupted: true,
    },
  ]);
});

test('a page with the same outputs is the same page', () => {
  const outputs = readRecordings(page).map(({ output }) => output);
  expect(writeRecordings(page, outputs)).toBe(page);
  expect(writeRecordings(page, ['x', 'y', '$1'])).toBe(
    page
      .replace('Unit web.service launched\n\nand a line', 'x')
      .replace('stop web', 'stop web\ny')
      .replace('a line\n^C', '$1'),
  );
});

test.each([
  [
    'Unit b.service launched on x\nUnit a.service launched on y\nend\n',
    'Unit a.service launched on y\nUnit b.service launched on x\nend',
  ],
  [
    'Cluster 12ab34 at revision 17\n  Leader: 0123456789abcdef0123456789abcdef\n',
    'Cluster … at revision …\n  Leader: …',
  ],
  [
    '     Active: active (running) since Tue 2025-11-25 03:01:19 UTC; 1min 2s ago\n   Main PID: 123 (sleep)\n      Tasks: 1 (limit: 4)\n     CGroup: /x\n             └─123 /bin/sleep\n',
    '     Active: active (running) since …\n   Main PID: … (sleep)\n     CGroup: /x\n             └─… /bin/sleep',
  ],
  [
    'Nov 25 03:01:19 node-1 systemd[1]: Started web.service.',
    '… node-1 systemd[…]: Started web.service.',
  ],
  ['web  2026-01-31T12:00:00.000Z  -', 'web  YYYY-MM-DDThh:mm:ss.sssZ  -'],
  ['2026-01-31T12:00:00.000+01:00  x', 'YYYY-MM-DDThh:mm:ss.sss+hh:mm  x'],
  ['ten 10 lines', 'ten 10 lines'],
])('%j is shown as %j', (output, shown) => {
  expect(normalise(output)).toBe(shown);
});
