import type { OpenHost } from '../hosts/host.ts';
import { createArchiveActivities } from './archiveActivities.ts';
import { createDiskActivities } from './diskActivities.ts';
import type { FileActivities } from './files.contract.ts';
import { createTextFileActivities } from './textFileActivities.ts';

export function createFileActivities(dependencies: { openHost: OpenHost }): FileActivities {
  return { ...createDiskActivities(dependencies), ...createTextFileActivities(dependencies), ...createArchiveActivities(dependencies) };
}
