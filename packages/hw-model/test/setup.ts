// SPDX-License-Identifier: MIT
import { cpuModel } from '@kernel-models/hw-model/cpu';
import { countRules } from '../../../test-models/support/rule-coverage.ts';

countRules(cpuModel);
