import { lastOption, optionValues, parseUnitFile } from '@muster/core';

/** What a unit file says about being put right. */
export interface Content {
  readonly restartsAlways: boolean;
  /** Units that it goes down with, specifiers not expanded. */
  readonly boundTo: readonly string[];
}

export function readContent(text: string): Content {
  const file = parseUnitFile(text);
  const options = ['BindsTo', 'Requires', 'Requisite', 'PartOf'];
  const slice = lastOption(file, 'Service', 'Slice');
  return {
    restartsAlways: lastOption(file, 'Service', 'Restart') === 'always',
    boundTo: [
      ...options.flatMap((option) => optionValues(file, 'Unit', option)),
      // A slice takes down with it what runs in it.
      ...(slice === null ? [] : [slice]),
    ].flatMap((value) => value.split(/\s+/)),
  };
}
