export interface RequestTarget {
  /** As it came, still percent-encoded. */
  readonly path: string;
  /** Without the question mark; '' when there is none. */
  readonly search: string;
}

/**
 * Takes a request's target apart. It may name the server as well, which clients of fleet's API do
 * (`http://domain-sock/fleet/v1/units?alt=json` over a unix socket); it is us, whatever the name.
 * @see RFC 9112, 3.2.2
 */
export function splitTarget(target: string): RequestTarget {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '');
  const [path = '', search = ''] = local.split(/\?(.*)/s, 2);
  return { path: path === '' ? '/' : path, search };
}
