import { get } from 'node:http';

/** What a page of metrics says: `name{label="value"}` → its value. */
export type Samples = ReadonlyMap<string, number>;

/** Fetches `/metrics` from a unix socket. */
export function fetchMetrics(socketPath: string): Promise<Samples> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: '/metrics', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => resolve(parseMetrics(text))).on('error', reject);
    }).on('error', reject);
  });
}

function parseMetrics(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))] as const;
    }),
  );
}

/** The sum over all labels of a metric, or over those samples that have this text in their labels. */
export function total(samples: Samples, name: string, label = ''): number {
  let sum = 0;
  for (const [key, value] of samples) {
    const isIt = key === name || key.startsWith(`${name}{`);
    if (isIt && key.includes(label)) sum += value;
  }
  return sum;
}
