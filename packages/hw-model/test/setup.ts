// SPDX-License-Identifier: MIT
import { cpuModel } from '@kernel-models/hw-model/cpu';
import { branchModel } from '@kernel-models/hw-model/instructions';
import { countRules } from '../../../test-models/support/rule-coverage.ts';

countRules(cpuModel);
countRules(branchModel);
