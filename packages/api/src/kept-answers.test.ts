import { KeptAnswers } from './kept-answers.ts';

interface Picture {
  readonly id: number;
}

test('an answer is made once for each picture, and for each thing that is asked', () => {
  const kept = new KeptAnswers<Picture>();
  const made: string[] = [];
  const a = ({ id }: Picture): string => `a ${made.push(`a ${id}`)}`;
  const b = ({ id }: Picture): string => `b ${made.push(`b ${id}`)}`;
  const [first, second] = [{ id: 1 }, { id: 2 }];
  const answers = [kept.of(first, a), kept.of(first, a), kept.of(first, b), kept.of(second, a)];
  expect(answers.map(String)).toEqual(['"a 1"\n', '"a 1"\n', '"b 2"\n', '"a 3"\n']);
  expect(made).toEqual(['a 1', 'b 1', 'a 2']);
});
