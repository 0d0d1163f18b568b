import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { searchAttributes } from '../../workflows/names.contract.ts';
import { ensureSearchAttributes } from '../../workers/searchAttributes.ts';

type Connection = Parameters<typeof ensureSearchAttributes>[0];

/** A server that lets nobody add anything; `addedMeanwhile`: somebody else did, between the look and the attempt. */
function refusingServer(addedMeanwhile: boolean): Connection {
  let known: string[] = [];
  const operatorService = {
    listSearchAttributes: async () => ({ customAttributes: Object.fromEntries(known.map((name) => [name, 2])) }),
    addSearchAttributes: async () => {
      if (addedMeanwhile) known = Object.values(searchAttributes);
      throw new Error('already exists, or you may not');
    },
  };
  return { operatorService } as unknown as Connection;
}

describe('the search attributes of a namespace', () => {
  test('that two workers want to add at the same time are there for both', async () => {
    await ensureSearchAttributes(refusingServer(true), 'default');
  });

  test('that may not be added are told with the command for somebody who may', async () => {
    await assert.rejects(
      ensureSearchAttributes(refusingServer(false), 'ops'),
      /search-attribute create --namespace ops .*--name OpsSystem --type Keyword/,
    );
  });
});
