import { InvalidInputError, StoreUnavailableError } from '@muster/core';
import type { MusterError } from '@muster/core';
import {
  EtcdLeaseInvalidError,
  GRPCDeadlineExceededError,
  GRPCInvalidArgumentError,
  GRPCResourceExhastedError,
} from 'etcd3';
import { AnswerTooLargeError, CompactedError, LeaseGoneError } from './store.ts';

/**
 * The one place where errors of etcd3 and gRPC become ours.
 * @param doing — completes "etcd at X …", e.g. `answer a transaction`
 */
export function translateEtcdError(error: unknown, endpoints: string, doing: string): MusterError {
  const cause = { cause: error };
  const text = (error instanceof Error ? error.message : String(error))
    // gRPC's way to say nothing more.
    .replace(/ ?Resolution note:\s*$/, '')
    .replace('No connection established. Last error: Error: ', '');
  if (error instanceof EtcdLeaseInvalidError) {
    return new LeaseGoneError(`etcd at ${endpoints}: the lease does not exist any more`, cause);
  }
  if (text.includes('required revision has been compacted')) {
    return new CompactedError(`etcd at ${endpoints} no longer keeps that revision`, cause);
  }
  if (/request is too large|too many operations|duplicate key given/.test(text)) {
    return new InvalidInputError(`etcd at ${endpoints} refused a write: ${text}`, cause);
  }
  if (error instanceof GRPCInvalidArgumentError) {
    return new InvalidInputError(`etcd at ${endpoints} refused a request: ${text}`, cause);
  }
  if (error instanceof GRPCResourceExhastedError && text.includes('larger than max')) {
    return new AnswerTooLargeError(`etcd at ${endpoints} sent more than is taken at once`, cause);
  }
  if (error instanceof GRPCDeadlineExceededError) {
    return new StoreUnavailableError(`etcd at ${endpoints} did not ${doing} in time`, cause);
  }
  return new StoreUnavailableError(`etcd at ${endpoints} did not ${doing}: ${text}`, cause);
}
