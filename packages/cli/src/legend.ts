/** How a machine is shown: the first 8 digits of its id (all of them when `full`) and its address. */
export function machineLegend(id: string, address: string | null, full: boolean): string {
  const shown = full ? id : `${id.slice(0, 8)}...`;
  return address === null ? shown : `${shown}/${address}`;
}

/** Shows machines by id; one that is not present has no address. */
export function machineLegends(
  machines: readonly { readonly id: string; readonly address: string | null }[],
  full: boolean,
): (id: string) => string {
  const known = new Map(machines.map(({ id, address }) => [id, machineLegend(id, address, full)]));
  return (id) => known.get(id) ?? machineLegend(id, null, full);
}

/** A text with the ids of machines in it shown as elsewhere. */
export function withLegends(text: string, machineOf: (id: string) => string): string {
  return text.replace(/\b[0-9a-f]{32}\b/g, machineOf);
}
