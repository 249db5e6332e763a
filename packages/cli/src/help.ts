import type { Command } from 'commander';
import type { Context } from './context.ts';

interface VerbHelp {
  /** Under which heading the list of verbs has it. */
  readonly group: string;
  /** What the one line of the list does not say. */
  readonly details?: string;
  /** Commands without the program's name, each with what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
}

const units = 'Changing units:';
const looking = 'Looking:';
const machines = 'Machines:';
export const otherVerbs = 'Other:';

const waiting =
  'It waits until that is done, and says so for each unit; --no-block does not wait. Ctrl-C ends the waiting, not what was asked for.';
const naming =
  "A name without a type is a service. {1..5} and {a,b} are expanded, also in quotes; patterns ('web@*') stand for units of the cluster.";

/** verb → its help; of a verb below another: both. Every verb has an entry: a test sees to it. */
export const verbHelp: Readonly<Record<string, VerbHelp>> = {
  submit: {
    group: units,
    details:
      'All files go in one request: when one is refused, nothing is stored. Other content than the cluster has under a name is refused without --replace.',
    examples: [
      ['submit units/web@.service', 'stores a template'],
      ['submit --replace units', 'stores all unit files of a directory, over what is there'],
    ],
  },
  load: {
    group: units,
    details: `What a timer, a socket or a path is to start has to be loaded, not started. A launched unit is stopped. ${waiting}`,
    examples: [
      [
        'load units/cleanup-tmp.service',
        'gives a service to the machine its timer will need it on',
      ],
    ],
  },
  start: {
    group: units,
    details: `Files are stored first; an instance takes its template from beside its path, or from the cluster. A unit that has failed is started again, one that is up or has run to its end is left alone. ${naming} ${waiting}`,
    examples: [
      ['start units/web.service', 'stores a unit file and runs it'],
      ['start units/web@{1..3}', 'runs three instances of units/web@.service'],
      ['start --no-block web@4', 'runs another of a template the cluster has; does not wait'],
      ['start --dry-run units/web@{1..3}', 'says where they would go, and starts nothing'],
    ],
  },
  stop: {
    group: units,
    details: `${naming} ${waiting}`,
    examples: [
      ['stop web@3', 'stops one instance; it stays loaded on its machine'],
      ["stop 'web@*'", 'stops all of them'],
    ],
  },
  unload: {
    group: units,
    details: `The unit file stays in the cluster. ${naming} ${waiting}`,
    examples: [['unload web@3', 'stops an instance and takes it off its machine']],
  },
  restart: {
    group: units,
    details: `A unit that is loaded is started. ${naming} ${waiting}`,
    examples: [
      ['restart web@1', 'stops and starts an instance where it is'],
      ['restart node-report --machine 10.0.0.2', 'restarts a global unit on one machine only'],
    ],
  },
  scale: {
    group: units,
    details: `Instances are numbered from 1. What is missing is started; what is too many is destroyed, the highest numbers first, after you were asked. Instances without a number (web@blue) are left alone. ${waiting}`,
    examples: [
      ['scale units/web@ 3', 'runs web@1 to web@3 of units/web@.service, and no others'],
      ['scale --dry-run web@ 5', 'says where web@4 and web@5 would go'],
      ['scale --yes web@ 1', 'destroys all but web@1 without asking'],
    ],
  },
  destroy: {
    group: units,
    details: `${naming} ${waiting}`,
    examples: [
      ["destroy 'web@*'", 'removes all instances, and the template'],
      ['destroy --block-attempts 5 web@1', 'waits for 10 seconds at most'],
    ],
  },
  cat: {
    group: looking,
    details: 'Comments and blank lines are not kept in the cluster.',
    examples: [['cat web@1', 'prints the unit file of an instance']],
  },
  status: {
    group: looking,
    details:
      'The answer is what systemctl(1) status says, from each machine that has the unit; no ssh is needed. Without a unit: the cluster, and what in it needs attention. Exit status for units, of which the worst counts: 0 all are active, 3 one is not, 4 one does not exist or nobody can tell.',
    examples: [
      ['status', 'shows how the cluster is'],
      ['status web@1', 'shows an instance, wherever it is'],
      ['status node-report --machine 10.0.0.2', 'shows a global unit on one machine'],
    ],
  },
  explain: {
    group: looking,
    details:
      'It says what the scheduler decided and why: where a unit is, or per machine why it cannot be there. Machines that say the same share a line; --full has a line for each. Any musterd answers, also while no leader is there.',
    examples: [
      ['explain web@1', 'says why an instance is where it is, or nowhere'],
      ["explain --full 'web@*'", 'says so of all instances, with every machine'],
    ],
  },
  journal: {
    group: looking,
    details:
      'The journal comes from the machine that has the unit; no ssh is needed. With -f it goes along when the unit moves, and on when musterd or the machine comes back.',
    examples: [
      ['journal -n 50 web@1', 'shows the last 50 lines'],
      ['journal -f --since today web@1', 'shows the lines of today and what comes, until Ctrl-C'],
    ],
  },
  events: {
    group: looking,
    details:
      'Without -f it shows what is kept (of the last hour, unless etcd.compact says otherwise) and ends. Times are those of the machine that did it, in the local time zone; "-" where nobody noted one. Colours and columns are for people: programs take -o json, whose lines have an id to go on after.',
    examples: [
      ['events -f', 'shows what happens, until Ctrl-C; goes on after a restart of musterd'],
      ["events -n 20 'web@*'", 'shows the last 20 events of the instances of a template'],
      ['events -f -o json --after 4711.2', 'goes on after an event, an object on each line'],
      ['events --type unit-state --machine 1a2b3c4d', 'shows what units of a machine did'],
    ],
  },
  'list-units': {
    group: looking,
    details:
      'A unit is listed once for each machine that has it; one that is wanted and that no machine has is pending, with the reason (in JSON only with --all or --state pending; more says explain). --state can be repeated and takes several words (failed,inactive). With --watch the table is kept up to date on a terminal; else it is printed once, and then the rows that change, "gone" for one that goes. With --group all instances of a template are one line, as is each other unit; the filters say which lines, and each line counts all of its units.',
    examples: [
      ["list-units 'web@*'", 'lists the instances of a template'],
      ['list-units --no-legend --fields=unit,active', 'prints two columns for a script'],
      ['list-units -o json', 'prints all that is known, as JSON'],
      ['list-units --state failed --machine 10.0.0.2', 'lists what failed on one machine'],
      ['list-units --group', 'shows how many instances of each template are active'],
      ['list-units -aw', 'shows all that is wanted, and what becomes of it'],
    ],
  },
  'list-unit-files': {
    group: looking,
    examples: [
      ['list-unit-files', 'lists all units of the cluster'],
      ["list-unit-files -o name 'web@*'", 'prints names only'],
      ['list-unit-files --state inactive', 'lists what runs nowhere'],
    ],
  },
  'list-machines': {
    group: machines,
    examples: [
      ['list-machines -o wide', 'lists the machines with all columns'],
      ['list-machines --metadata disk=ssd --state present', 'lists machines that have something'],
    ],
  },
  metadata: {
    group: machines,
    examples: [['metadata set 10.0.0.2 disk=ssd', 'says what a machine has; units can ask for it']],
  },
  'metadata set': {
    group: machines,
    examples: [['metadata set 1a2b3c4d disk=ssd rack=7', 'sets two keys of a machine']],
  },
  'metadata remove': {
    group: machines,
    examples: [['metadata remove 1a2b3c4d rack', 'removes a key']],
  },
  machine: {
    group: machines,
    examples: [['machine forget 1a2b3c4d', 'removes what is stored of a machine that is gone']],
  },
  'machine forget': {
    group: machines,
    details:
      'Its units are placed elsewhere; one that only this machine may have runs nowhere then. What was set for it goes as well. A machine that is there is refused. One that comes back later is a new one: it stops what it still runs.',
    examples: [
      ['machine forget 1a2b3c4d', 'shows what it had, asks, and forgets it'],
      ['machine forget --yes 1a2b3c4d 5e6f7a8b', 'forgets two machines without asking'],
    ],
  },
  brake: {
    group: machines,
    examples: [
      ['brake', 'shows whether units of absent machines are held back'],
      ['brake release', 'shows which, asks, and has them placed elsewhere'],
    ],
  },
  rebalance: {
    group: machines,
    examples: [
      ['rebalance --dry-run', 'shows what would be moved'],
      ['rebalance', 'shows what is moved, and waits until it is'],
      ['rebalance stop', 'begins no more moves'],
    ],
  },
  'rebalance run': {
    group: machines,
    details:
      'Units go to where they would be placed now: to machines that meet what they prefer, over which they are better spread, or that hold clearly less. A service runs on where it was until it is up on the other machine; timers, sockets, mounts and units with OnPartition=stop end there first. Moves are made one after the other; if a unit fails where it comes to, nothing more is moved. "cluster set rebalance=auto" has it done whenever a machine has come.',
    examples: [
      ['rebalance --max 1', 'makes the first of the moves only'],
      ['rebalance --at-once 4 --no-block', 'has them made, four at a time, and does not wait'],
    ],
  },
  'rebalance stop': {
    group: machines,
    details: 'Moves that were begun are ended. It also forgets a rebalance that has failed.',
    examples: [['rebalance stop', 'begins no more moves']],
  },
  'brake show': {
    group: machines,
    details:
      'The brake goes on by itself when at least three machines, and more than are left, are absent at once, and off when enough of them are back.',
    examples: [['brake show -o json', 'prints it as JSON']],
  },
  'brake release': {
    group: machines,
    details:
      'Machines that are not named stay held back. It counts for machines that are absent now: one that comes back and vanishes again is held back again.',
    examples: [
      ['brake release', 'shows what is held back, asks, and has it placed elsewhere'],
      ['brake release --yes 1a2b3c4d', 'accepts the loss of one machine without asking'],
    ],
  },
  cluster: {
    group: machines,
    examples: [['cluster', 'shows what is set for the whole cluster']],
  },
  'cluster show': {
    group: machines,
    examples: [['cluster show -o json', 'prints it as JSON']],
  },
  'cluster set': {
    group: machines,
    details:
      'placement=spread gives a unit to the least loaded of the machines that are as good as each other for it; placement=pack to the fullest that can take it, so that others stay empty. Units have to say what they need for a machine to be full. Nothing is moved.',
    examples: [
      ['cluster set placement=pack', 'fills one machine after the other'],
      ['cluster set placement=spread', 'goes back to the least loaded'],
    ],
  },
  ssh: {
    group: machines,
    details:
      "Runs this system's ssh(1), so its configuration, agent and known hosts count; the address of the machine is the host. Words after the target are the command, options among them as well; ssh joins them with blanks, and the shell there splits them again. The exit status is that of the command, 255 when ssh itself failed.",
    examples: [
      ['ssh 1a2b3c4d', 'logs in to a machine'],
      ['ssh web@1 -- ss -tlnp', 'runs a command on the machine that has an instance'],
      ['ssh --machine 10.0.0.2 -t sudo systemctl status', 'runs one that may ask for a password'],
      ['ssh --tunnel admin@bastion web@1', 'logs in by way of another host'],
    ],
  },
  'fd-forward': {
    group: otherVerbs,
    details:
      'What --tunnel runs on the other host. It ends when the other side of the socket has said all.',
    examples: [
      ['fd-forward /run/muster/muster.sock', 'connects a pipe or ssh with the API of this machine'],
    ],
  },
  verify: {
    group: otherVerbs,
    details:
      'Nothing is stored, and musterd need not run. An option of [X-Fleet] that has no meaning is a problem here, and a warning elsewhere. Exit status 1 when there are problems; warnings are none.',
    examples: [
      ['verify units', 'checks all unit files of a directory'],
      ['verify units/web@1', 'checks a template as one of its instances'],
      ['verify -o json units/web.service', 'prints what there is to say as JSON'],
    ],
  },
  completion: {
    group: otherVerbs,
    details:
      'Verbs, options and their values are completed, and from the cluster units, machines and metadata: those that make sense at the place, asked for where the line or the environment says, for a second at most. Put what is printed where the shell looks for it, or source it when the shell starts; it works for the name fleetctl as well. bash: /etc/bash_completion.d/musterctl, or source <(musterctl completion bash) in ~/.bashrc. zsh: a file _musterctl in a directory of $fpath, or the same line with zsh in ~/.zshrc, after compinit. fish: ~/.config/fish/completions/musterctl.fish, and a link to it as fleetctl.fish.',
    examples: [
      ['completion bash', 'prints what /etc/bash_completion.d/musterctl is to hold'],
      ['completion zsh', 'prints what a file _musterctl in $fpath is to hold'],
      ['completion fish', 'prints what ~/.config/fish/completions/musterctl.fish is to hold'],
    ],
  },
  version: {
    group: otherVerbs,
    examples: [['version', 'prints the version of this program']],
  },
};

/** Puts groups, details and examples into the help of all verbs below `command`. */
export function addHelp(command: Command, { programName }: Pick<Context, 'programName'>): void {
  for (const verb of command.commands) {
    const path = verbPath(verb);
    const help = verbHelp[path];
    if (help === undefined) continue;
    verb.helpGroup(help.group);
    const summary = verb.description();
    const details = help.details === undefined ? '' : ` ${help.details}`;
    verb.summary(summary).description(`${sentence(summary)}${details}`);
    verb.addHelpText('after', () => exampleText(help, programName));
    addHelp(verb, { programName });
  }
}

/** The verb as the command line has it: `metadata set`. */
export function verbPath(verb: Command): string {
  const above = verb.parent?.parent === null ? '' : `${verb.parent?.name()} `;
  return `${above}${verb.name()}`;
}

function sentence(summary: string): string {
  return `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`;
}

function exampleText({ examples }: VerbHelp, programName: string): string {
  const lines = examples.flatMap(([command, does]) => [
    `  ${programName} ${command}`,
    `      ${does}`,
  ]);
  return ['', 'Example:', ...lines].join('\n');
}
