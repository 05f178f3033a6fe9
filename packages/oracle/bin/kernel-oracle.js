#!/usr/bin/env node
// SPDX-License-Identifier: MIT
import { main } from '../dist/cli/main.js';

await main();
