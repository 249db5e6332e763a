export { backoffMs } from './backoff.ts';
export {
  ConflictError,
  DuplicateMachineError,
  HostUnitError,
  InvalidInputError,
  MusterError,
  NotFoundError,
  StoreUnavailableError,
  StoreUntrustedError,
  SystemdRefusedError,
  SystemdUnavailableError,
  UnitFileSyntaxError,
} from './errors.ts';
export type { Retry } from './errors.ts';
export { verdicts } from './explainer.ts';
export type {
  Explainer,
  Explanation,
  MachineVerdict,
  PendingUnit,
  PlaceStatus,
  Preview,
  SideEffect,
  Verdict,
} from './explainer.ts';
export { exitCodes, exitText, failureText } from './exit-status.ts';
export type { ProcessExit } from './exit-status.ts';
export { HistoryCompactedError } from './history.ts';
export type {
  AuditEntry,
  ChangeBatch,
  History,
  HistoryQuery,
  HistoryReader,
  RecordChange,
} from './history.ts';
export type {
  AssignmentStore,
  KnownStore,
  KnownStoreRecord,
  LeaseRecord,
  LeaseStore,
  NotedAssignments,
} from './machine-records.ts';
export { linkSignals } from './linked-signal.ts';
export type { LeaseAge, MachineLeases } from './machine-leases.ts';
export { desiredStates, packings, roles } from './model.ts';
export type {
  Assignment,
  Brake,
  Capacity,
  CorruptRecord,
  DesiredState,
  Loss,
  Machine,
  MachineCounts,
  MachineSettings,
  Metadata,
  Origin,
  Packing,
  Placement,
  PlacementFailures,
  Policy,
  Revision,
  Role,
  Unit,
  UnitState,
} from './model.ts';
export type {
  AgentRegistry,
  AgentSnapshot,
  ByUnitAndMachine,
  ChangedRecords,
  Campaign,
  Clock,
  ClusterSnapshot,
  ClusterView,
  CommitResult,
  Leader,
  Leadership,
  Log,
  LossWrite,
  NoteStore,
  PlacementChange,
  StateReport,
  StoreContact,
  UnitDetail,
  UnitNote,
  UnitRegistry,
  UnitWrite,
  UnitWriteResult,
  Unsubscribe,
} from './ports.ts';
export type {
  FileWrite,
  JobEnd,
  LoadedUnit,
  Systemd,
  UnitDetails,
  UnitRun,
} from './systemd-port.ts';
export type { CallObserver, CallResult, PassEnd } from './observers.ts';
export { ReconcileLoop } from './reconcile-loop.ts';
export type { Pass, ReconcileLoopOptions } from './reconcile-loop.ts';
export { checkUnitFile } from './check-unit-file.ts';
export type { UnitFileCheck } from './check-unit-file.ts';
export { groupReasons, groupText, refusalsInShort } from './group-reasons.ts';
export { compileGlob, escapeGlob, globMatches } from './glob.ts';
export type { Glob } from './glob.ts';
export type { Inspector, JournalQuery, UnitUse } from './inspector.ts';
export { readInstallSection } from './install-section.ts';
export type { InstallLink, InstallSection, MachineNames } from './install-section.ts';
export {
  formatMetadataTest,
  meetsMetadataTest,
  metadataMismatch,
  metadataValue,
} from './metadata-test.ts';
export type { MetadataTest } from './metadata-test.ts';
export { nearest, nearestWithin } from './nearest.ts';
export { earlier, isHeld, leaseDeadlines } from './lease-term.ts';
export type { LeaseDeadlines, LeaseTerm } from './lease-term.ts';
export { formatBytes, parseByteAmount, parseCpuNumbers, parseMilliCpus } from './amounts.ts';
export type { Amount } from './amounts.ts';
export type { OnPartition } from './on-partition.ts';
export type { Preferences, Spread } from './preferences-option.ts';
export { amountOn, offerOf, totalOf } from './capacity.ts';
export type { Amounts } from './capacity.ts';
export { describePort, doPortsClash } from './ports-option.ts';
export type { PortClaim } from './ports-option.ts';
export { resourceKinds } from './resources-option.ts';
export type { Need, ResourceKind, Resources } from './resources-option.ts';
export { readPeer } from './peer-pattern.ts';
export { moveOrders, rebalanceEnds } from './rebalance.ts';
export type {
  MoveOrder,
  Rebalance,
  RebalanceMove,
  RebalancePlan,
  StartedMove,
} from './rebalance.ts';
export { parseRequirements, unknownFleetOptions } from './requirements.ts';
export type { ParsedRequirements, Requirements } from './requirements.ts';
export { rescheduleDelayMs } from './reschedule-option.ts';
export type { Reschedule } from './reschedule-option.ts';
export { reservedNameProblem } from './reserved-names.ts';
export { formatTimeSpan, parseTimeSpan } from './time-span.ts';
export { countOn, countRestart, countsOn, hasCountsOf } from './unit-counts.ts';
export type { UnitCounts } from './unit-counts.ts';
export {
  hashUnitFile,
  lastOption,
  locateOptions,
  optionProblem,
  optionValues,
  parseUnitFile,
  serializeUnitFile,
} from './unit-file.ts';
export type { UnitFile, UnitOption } from './unit-file.ts';
export {
  checkUnitName,
  expandSpecifiers,
  isUnitType,
  parseUnitName,
  templateOf,
  unitTypes,
  withDefaultSuffix,
} from './unit-name.ts';
export type { UnitName, UnitType } from './unit-name.ts';
