// SPDX-License-Identifier: MIT
import { execCheck, securebitsModel } from '@kernel-models/exec-check';
import { countRules } from '../../../test-models/support/rule-coverage.ts';

countRules(execCheck);
countRules(securebitsModel);
