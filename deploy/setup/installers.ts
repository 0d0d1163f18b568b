import type { Installer, ToolName } from './installer.contract.ts';
import { mongod } from './installers/mongod.ts';
import { objectStore } from './installers/objectStore.ts';
import { postgres } from './installers/postgres.ts';
import { supervisor } from './installers/supervisor.ts';
import { temporal } from './installers/temporal.ts';
import { timeSkippingServer } from './installers/timeSkippingServer.ts';

export const installers: Record<ToolName, Installer> = { mongod, supervisor, postgres, timeSkippingServer, objectStore, temporal };
