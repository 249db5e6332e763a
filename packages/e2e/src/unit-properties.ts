import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Lab } from './lab.ts';

/** unit → property → value as JSON; what `systemctl show` prints is made of these. */
export type Properties = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * systemd keeps these in no order, and gives them in another one after each reload. Credentials lie in
 * a hash table whose key is drawn anew (core/load-fragment.c, config_parse_load_credential).
 */
const setProperties: ReadonlySet<string> = new Set(
  `After Before BindsTo BoundBy ConflictedBy Conflicts ConsistsOf JoinsNamespaceOf LoadCredential
  LoadCredentialEncrypted Names SetCredential SetCredentialEncrypted OnFailure OnFailureOf OnSuccess OnSuccessOf PartOf PropagatesReloadTo PropagatesStopTo ReloadPropagatedFrom
  RequiredBy Requires RequiresMountsFor Requisite RequisiteOf SliceOf StopPropagatedFrom TriggeredBy
  Triggers UpheldBy Upholds WantedBy Wants`.split(/\s+/),
);

/**
 * All properties of units, as the machine's systemd has them after it has read their files.
 * @throws when systemd cannot say them of one of the units
 */
export async function readProperties(
  lab: Lab,
  machine: number,
  units: readonly string[],
): Promise<Properties> {
  const script = `
    systemctl daemon-reload
    bus=org.freedesktop.systemd1
    while read -r unit; do
      path=$(busctl --json=short call $bus /org/freedesktop/systemd1 $bus.Manager LoadUnit s "$unit" |
        sed 's|.*"\\(/org/.*\\)".*|\\1|')
      printf '%s ' "$unit"
      busctl --json=short call $bus "$path" org.freedesktop.DBus.Properties GetAll s ''
    done`;
  const ran = await lab.try(machine, script, units.map((unit) => `${unit}\n`).join(''));
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const line of ran.stdout.split('\n')) {
    const [unit, json] = splitOnce(line, ' ');
    if (json === '') continue;
    const answer: { data: [Record<string, { data: unknown }>] } = JSON.parse(json);
    const properties = Object.entries(answer.data[0]).map(([name, { data }]) => {
      const isSet = Array.isArray(data) && setProperties.has(name);
      return [
        name,
        JSON.stringify(isSet ? data.map((each) => JSON.stringify(each)).sort() : data),
      ] as const;
    });
    found.set(unit, new Map(properties));
  }
  const missing = units.filter((unit) => !found.has(unit));
  if (missing.length === 0) return found;
  throw new Error(`no properties of ${missing.join(', ')}: ${ran.stderr}`);
}

/** One line for each property that differs, but those to be passed over. */
export function differences(
  before: Properties,
  after: Properties,
  passOver: (unit: string, property: string) => boolean,
): string[] {
  const found: string[] = [];
  for (const [unit, properties] of before) {
    const others = after.get(unit) ?? new Map<string, string>();
    for (const property of new Set([...properties.keys(), ...others.keys()])) {
      const [was, is] = [properties.get(property), others.get(property)];
      if (was === is || passOver(unit, property)) continue;
      found.push(`${unit} ${property}: was ${was ?? 'not there'}, is ${is ?? 'not there'}`);
    }
  }
  return found;
}

/** Puts files below a directory of the machine. @param files - path below the directory → content */
export async function putFiles(
  lab: Lab,
  machine: number,
  { directory, files }: { directory: string; files: ReadonlyMap<string, string | Buffer> },
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'muster-files-'));
  try {
    for (const [path, content] of files) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    const archive = execFileSync('tar', ['-c', '-C', root, '.'], { maxBuffer: 1 << 28 });
    const command = `mkdir -p ${directory} && base64 -d | tar -x --no-same-owner -C ${directory}`;
    const ran = await lab.try(machine, command, archive.toString('base64'));
    if (ran.status !== 0) throw new Error(`files could not be put there: ${ran.stderr}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
