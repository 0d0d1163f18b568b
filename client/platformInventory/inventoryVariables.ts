import type { InventoryHost } from './readInventory.ts';

const referencesMax = 5;

/** A variable of a host by its path. References to other variables are followed; what else is to be computed is not known: undefined. */
export function variable(host: InventoryHost | undefined, path: string, depth = 0): unknown {
  const found = path.split('.').reduce<unknown>((at, key) => (isTable(at) ? at[key] : undefined), host?.variables);
  if (typeof found !== 'string' || !found.includes('{{')) return found ?? undefined;
  if (depth === referencesMax) return undefined;
  const computed = found.replaceAll(/\{\{\s*([\w.]+)\s*\}\}/g, (whole, reference: string) => {
    const value = variable(host, reference, depth + 1);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : whole;
  });
  return computed.includes('{{') ? undefined : computed;
}

/** The first of the variables that is there and not empty. */
export function text(host: InventoryHost | undefined, ...paths: string[]): string | undefined {
  for (const path of paths) {
    const value = variable(host, path);
    if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
  }
  return undefined;
}

/** Also of one that is written as text. */
export function number(host: InventoryHost | undefined, path: string): number | undefined {
  const value = text(host, path);
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

export function isTrue(host: InventoryHost | undefined, path: string): boolean {
  return /^(true|yes)$/i.test(String(variable(host, path)));
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
