import { VirtualClock } from '@muster/core/testing';
import { InvalidInputError, StoreUnavailableError, StoreUntrustedError } from '@muster/core';
import { Contact } from './contact.ts';

let clock: VirtualClock;
let contact: Contact;
beforeEach(() => {
  clock = new VirtualClock();
  contact = new Contact(clock);
});

/** Answers every 2 s, as renewals are. */
async function answers(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 2) {
    await clock.advance(2_000);
    contact.answered();
  }
}

test('it is unbroken since the first answer', async () => {
  expect(contact.unbrokenSince()).toBeNull();
  expect(contact.answeredAt()).toBeNull();
  await answers(2);
  await answers(60);
  expect(contact.unbrokenSince()).toBe(2_000);
  expect(contact.answeredAt()).toBe(62_000);
});

test('silence breaks it, and the last answer is still known', async () => {
  await answers(4);
  await clock.advance(500);
  contact.broke();
  expect(contact.unbrokenSince()).toBeNull();
  expect(contact.answeredAt()).toBe(4_000);
  await answers(2);
  expect(contact.unbrokenSince()).toBe(6_500);
});

test.each(['suspended', 'stopped'])('a process that was %s for an hour begins anew', async () => {
  await answers(60);
  await clock.jump(3_600_000);
  contact.answered();
  expect(contact.unbrokenSince()).toBe(clock.monotonic());
});

test.each<[string, Error, boolean]>([
  ['a refusal', new InvalidInputError('no'), true],
  ['a store that is another one', new StoreUntrustedError('no'), true],
  ['silence', new StoreUnavailableError('no'), false],
])('%s: is an answer: %s', async (_, error, isAnswer) => {
  await expect(contact.note(Promise.reject(error))).rejects.toBe(error);
  expect(contact.answeredAt() !== null).toBe(isAnswer);
});
