// SPDX-License-Identifier: MIT
import { mmModel } from '@kernel-models/mm';
import { countRules } from '../../../test-models/support/rule-coverage.ts';

countRules(mmModel);
