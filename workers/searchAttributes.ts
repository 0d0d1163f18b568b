import type { NativeConnection } from '@temporalio/worker';

import { searchAttributes } from '../workflows/names.contract.ts';

/** What is used of a connection. */
type Operator = { operatorService: Pick<NativeConnection['operatorService'], 'listSearchAttributes' | 'addSearchAttributes'> };

const keyword = 2; // temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD

/**
 * Makes sure that the namespace knows our search attributes: without them the first task of every run would be retried for ever.
 * Where this worker may not add them, the message has the command for somebody who may.
 */
export async function ensureSearchAttributes(connection: Operator, namespace: string): Promise<void> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
    });
  } catch (error) {
    // Another worker that began at the same time has added them meanwhile.
    if ((await missingAttributes(connection, namespace)).length === 0) return;
    const command = `temporal operator search-attribute create --namespace ${namespace} ${missing.map((name) => `--name ${name} --type Keyword`).join(' ')}`;
    throw new Error(
      `namespace ${namespace} lacks the search attributes ${missing.join(', ')} and they could not be added (${error instanceof Error ? error.message : String(error)}). Run: ${command}`,
      { cause: error },
    );
  }
}

async function missingAttributes({ operatorService }: Operator, namespace: string): Promise<string[]> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  return Object.values(searchAttributes).filter((name) => !(name in (customAttributes ?? {})));
}
