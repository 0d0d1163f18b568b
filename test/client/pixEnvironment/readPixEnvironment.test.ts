import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { readPixEnvironment } from '../../../client/pixEnvironment/readPixEnvironment.ts';
import { replicaDocument, resolveReplica } from '../../../workflows/pix/replica.schema.ts';

describe("the old tool's environment", () => {
  const whole = {
    SOURCE_DATABASE_URL: 'postgres://a:canary@one/pix',
    DATABASE_URL: 'postgres://b:canary@two/warehouse',
    TARGET_DATABASE_URL: 'postgres://b:canary@two/warehouse',
    BACKUP_MODE: '{"answers":"incremental","audit":"none"}',
    RESTORE_FK_CONSTRAINTS: 'false',
    PG_RESTORE_JOBS: '3',
    MAX_RETRY_COUNT: '7',
    EXPONENTIAL_RETRY_DELAY: '500',
    LCMS_API_URL: 'https://lcms.example',
    LCMS_API_KEY: 'canary-key',
    NOTIFICATIONS: '[{"url":"https://hook.example/canary","token":"canary"},{"url":"https://hook.example/two"}]',
    DB_SCHEMA_EXPORTER_ENABLED: 'true',
    DB_SCHEMA_EXPORTER_DATABASE_TARGET: 'postgres://c:canary@three/schema',
    S3_BUCKET_NAME: 'dumps',
    S3_ENDPOINT: 's3.example',
    S3_ACCESS_KEY: 'canary-a',
    S3_SECRET_ACCESS_KEY: 'canary-s',
    S3_OBJECT_NAME_PREFIX: 'pix',
    SCHEDULE: '10 5 * * *',
    REDIS_URL: 'redis://unused',
  };

  test('becomes a valid replica file without a secret in it', () => {
    const { imported } = readPixEnvironment('pix', whole);
    assert.ok(imported);
    assert.ok(!JSON.stringify(imported.document).includes('canary'));
    assert.equal(imported.secrets.size, 9);
    const { replica, faults } = resolveReplica('pix', replicaDocument.parse(imported.document));
    assert.deepEqual(faults, []);
    assert.deepEqual(replica.tables, { answers: 'incremental', audit: 'none' });
    assert.equal(replica.foreignKeys, false);
    assert.deepEqual(replica.retries, { attemptsMax: 7, initialSeconds: 0.5 });
    assert.equal(replica.objectStore?.endpoint, 'https://s3.example');
    assert.match(imported.notes.join(), /10 5/);
  });

  test('restores foreign keys when the variable is absent, as the old tool does', () => {
    const { imported } = readPixEnvironment('pix', { SOURCE_DATABASE_URL: whole.SOURCE_DATABASE_URL, DATABASE_URL: whole.DATABASE_URL });
    assert.equal(imported?.document.foreignKeys, true);
  });

  test('tells every fault at once', () => {
    const { faults } = readPixEnvironment('pix', {
      DATABASE_URL: 'mysql://x',
      BACKUP_MODE: '{"a":"sometimes"}',
      NOTIFICATIONS: 'not json',
    });
    assert.deepEqual(faults.map(({ path }) => path).sort(), ['BACKUP_MODE', 'DATABASE_URL', 'NOTIFICATIONS', 'SOURCE_DATABASE_URL']);
    const two = readPixEnvironment('pix', { ...whole, TARGET_DATABASE_URL: 'postgres://b@two/other' });
    assert.match(two.faults[0]?.message ?? '', /two databases/);
  });
});
