import type { ServerResponse } from 'node:http';
import { MusterError, StoreUnavailableError, StoreUntrustedError } from '@muster/core';
import { sendJson, statusOf } from '../exchange.ts';
import { HttpError } from '../http-error.ts';
import type { FleetErrorBody } from './entities.ts';

/** An answer in fleet's words; '' where fleet says nothing. */
export function refusal(
  status: number,
  message: string,
  headers: Record<string, string> = {},
): HttpError {
  return new HttpError(status, 'fleet', message, { headers });
}

/** Answers with the error as fleet shaped them; cuts the connection when part of an answer is out. */
export function sendFleetError(res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status } = statusOf(error);
  const body: FleetErrorBody = { error: { code: status, message: messageOf(error) } };
  if (error instanceof HttpError) {
    for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  }
  sendJson(res, status, body);
}

function messageOf(error: unknown): string {
  if (error instanceof StoreUnavailableError || error instanceof StoreUntrustedError) {
    // Clients look for these very words.
    return 'fleet server unable to communicate with etcd';
  }
  if (error instanceof MusterError) return error.message;
  return 'something went wrong inside musterd; see its log';
}
