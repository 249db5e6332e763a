import type { DesiredState, Metadata } from '@muster/core';

/** The JSON bodies of fleet's API; a field that is empty is left out. */

export interface FleetOption {
  readonly section: string;
  readonly name: string;
  readonly value: string;
}

export interface FleetUnit {
  readonly currentState?: DesiredState;
  readonly desiredState: DesiredState;
  readonly machineID?: string;
  readonly name: string;
  readonly options?: readonly FleetOption[];
}

export interface FleetUnitState {
  /** SHA-1 in hex: clients cut it to 7 digits without looking. */
  readonly hash?: string;
  readonly machineID: string;
  readonly name: string;
  readonly systemdActiveState: string;
  readonly systemdLoadState: string;
  readonly systemdSubState: string;
}

export interface FleetMachine {
  readonly id: string;
  readonly metadata?: Metadata;
  readonly primaryIP?: string;
}

export interface FleetErrorBody {
  readonly error: { readonly code: number; readonly message: string };
}
