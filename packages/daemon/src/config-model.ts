import type { Amount, Metadata } from '@muster/core';
import type { ListenAddress } from './config-values.ts';

/** Paths of PEM files. */
export interface EtcdTls {
  readonly ca: string;
  /** The certificate this machine shows to etcd; null when etcd asks for none. */
  readonly client: { readonly cert: string; readonly key: string } | null;
}

/** Paths of PEM files. Both sides show a certificate signed by `ca`. */
export interface ApiTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Everything musterd can be told, checked. Keys as in docs/configuration.md. */
export interface Config {
  /** `--dev`: musterd starts an etcd of its own; `etcd.endpoints` is empty then. */
  readonly dev: boolean;
  readonly etcd: {
    /** `http://HOST:PORT`, `https://HOST:PORT` (all or none) or `unix:/PATH`. */
    readonly endpoints: readonly string[];
    readonly prefix: string;
    /** The leader lets etcd forget what is older; null: compaction is somebody else's business. */
    readonly compactMs: number | null;
    readonly tls: EtcdTls | null;
  };
  readonly machine: {
    /** null: find it from the default route. */
    readonly address: string | null;
    readonly metadata: Metadata;
    /** What is kept for the machine itself. */
    readonly reserve: {
      /** Thousandths of a CPU. */
      readonly milliCpus: number;
      /** null: a tenth, and at most 1 GiB. */
      readonly memory: Amount | null;
      readonly disk: Amount;
    };
    /** How many tasks units may have together; null: that is not limited. */
    readonly tasks: number | null;
    readonly ttlSeconds: number;
  };
  readonly agent: {
    readonly enabled: boolean;
    readonly pollMs: number;
    readonly awaySeconds: number;
    /** How long etcd has to be silent after a boot before units start without it; null: never. */
    readonly offlineMs: number | null;
    readonly manager: 'system' | 'user';
  };
  readonly scheduler: { readonly enabled: boolean };
  readonly api: {
    readonly listen: readonly ListenAddress[];
    readonly insecure: boolean;
    readonly tls: ApiTls | null;
    /** Rows on a page of a list of fleet's API. */
    readonly tokenLimit: number;
  };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' };
  /** Directory for what outlives a reboot. */
  readonly state: string;
  /** Directory for what a reboot forgets. */
  readonly runtime: string;
}
